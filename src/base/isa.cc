#include "base/isa.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error.h"
#include "base/processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace ceiling {
namespace {

constexpr std::array<Isa, 5> kAll{Isa::portable, Isa::avx2, Isa::avx512, Isa::amx, Isa::neon};

#if defined(__x86_64__)

bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}

// Intel's Software Developer's Manual, CPUID leaf 7: bits of edx.
bool cpu_has_tiles() {
  constexpr unsigned kTileInt8AndBf16 = 1U << 22 | 1U << 24 | 1U << 25;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 &&
         (edx & kTileInt8AndBf16) == kTileInt8AndBf16;
}

// Tiles are 8 KiB of state a thread, which Linux keeps only for processes that ask for it. The
// answer holds for all threads.
bool system_allows_tiles() {
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // XFEATURE_XTILEDATA
  static const bool allowed = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return allowed;
#else
  return false;
#endif
}

bool has_amx() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16") && cpu_has_tiles() &&
         system_allows_tiles();
}

#elif defined(__aarch64__) && defined(__APPLE__)

bool apple_feature(const char* sysctl_name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(sysctl_name, &value, &size, nullptr, 0) == 0 && value != 0;
}

#endif

bool supported(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return true;
#if defined(__x86_64__)
    case Isa::avx2:
      return has_avx2();
    case Isa::avx512:
      return has_avx512();
    case Isa::amx:
      return has_amx();
#elif defined(__aarch64__) && defined(__linux__)
    case Isa::neon:
      return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
    case Isa::neon:
      return apple_feature("hw.optional.arm.FEAT_DotProd");
#endif
    default:
      return false;
  }
}

std::string supported_names() {
  std::string names;
  for (const Isa isa : supported_isas()) {
    if (!names.empty()) names += ", ";
    names += name(isa);
  }
  return names;
}

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::amx:
      return "amx";
    case Isa::neon:
      return "neon";
  }
  return "unknown";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> result;
  std::copy_if(kAll.begin(), kAll.end(), std::back_inserter(result), supported);
  return result;
}

Isa active_isa() {
  const char* wanted = std::getenv("CEILING_ISA");
  if (wanted == nullptr || *wanted == '\0') return supported_isas().back();
  for (const Isa isa : supported_isas()) {
    if (wanted == name(isa)) return isa;
  }
  const bool known =
      std::any_of(kAll.begin(), kAll.end(), [&](Isa isa) { return wanted == name(isa); });
  fail(ExitCode::usage, "CEILING_ISA is '{}', which {}; set it to one of {}, or unset it", wanted,
       known ? "this processor cannot run" : "is no instruction set known here", supported_names());
}

bool has_avx512_bf16() {
#if defined(__x86_64__)
  return has_avx512() && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool fast_avx512_bf16() { return has_avx512_bf16() && this_processor().vendor != Vendor::intel; }

bool has_neon_i8mm() {
#if defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  return apple_feature("hw.optional.arm.FEAT_I8MM");
#else
  return false;
#endif
}

bool has_neon_bf16() {
#if defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  return apple_feature("hw.optional.arm.FEAT_BF16");
#else
  return false;
#endif
}

}  // namespace ceiling
