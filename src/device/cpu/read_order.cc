#include "device/cpu/read_order.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ceiling::cpu {
namespace {

#if defined(__x86_64__)
// CPUID leaves 0 and 1: AMD64 Architecture Programmer's Manual, volume 3, appendix E.3.
bool is_amd_zen5_or_later() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0, &a, &b, &c, &d) == 0) return false;
  const bool amd = b == signature_AMD_ebx && c == signature_AMD_ecx && d == signature_AMD_edx;
  if (!amd || __get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  const unsigned family = (a >> 8 & 15) + (a >> 20 & 255);
  return family >= 0x1a;
}
#else
bool is_amd_zen5_or_later() { return false; }
#endif

}  // namespace

ReadOrder usual_read_order() {
  const char* wanted = std::getenv("CEILING_READ_ORDER");
  if (wanted == nullptr || *wanted == '\0') {
    return is_amd_zen5_or_later() ? ReadOrder::two_streams : ReadOrder::many_streams;
  }
  const std::string_view name = wanted;
  if (name == "many-streams") return ReadOrder::many_streams;
  if (name == "two-streams") return ReadOrder::two_streams;
  fail(ExitCode::usage,
       "CEILING_READ_ORDER is '{}': set it to many-streams or two-streams, or unset it", name);
}

}  // namespace ceiling::cpu
