#include "base/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/processor.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ceiling {
namespace {

class IsaOverride : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("CEILING_ISA"); }
};

TEST_F(IsaOverride, PortableIsAlwaysThereAndTheBestComesLast) {
  unsetenv("CEILING_ISA");
  const auto sets = supported_isas();
  ASSERT_FALSE(sets.empty());
  EXPECT_EQ(sets.front(), Isa::portable);
  EXPECT_EQ(active_isa(), sets.back());
}

TEST_F(IsaOverride, EverySupportedSetCanBeChosenByName) {
  for (const Isa isa : supported_isas()) {
    setenv("CEILING_ISA", std::string(name(isa)).c_str(), 1);
    EXPECT_EQ(active_isa(), isa);
  }
}

TEST_F(IsaOverride, AnEmptyNameMeansTheBest) {
  setenv("CEILING_ISA", "", 1);
  EXPECT_EQ(active_isa(), supported_isas().back());
}

TEST_F(IsaOverride, AnUnknownNameIsAUsageErrorThatListsTheChoices) {
  setenv("CEILING_ISA", "avx1024", 1);
  try {
    active_isa();
    FAIL() << "accepted an unknown instruction set";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("avx1024"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("portable"), std::string::npos);
  }
}

TEST_F(IsaOverride, AForeignSetIsRefused) {
#if defined(__aarch64__)
  const char* foreign = "avx2";
#else
  const char* foreign = "neon";
#endif
  setenv("CEILING_ISA", foreign, 1);
  EXPECT_THROW(active_isa(), Error);
}

#if defined(__x86_64__) && defined(__linux__)

bool cpuinfo_lists(const std::string& flag) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line);
    std::string word;
    while (words >> word) {
      if (word == flag) return true;
    }
    return false;
  }
  return false;
}

TEST(Bf16, IsSlowOnIntel) {
  std::ifstream file("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const bool intel = text.find("GenuineIntel") != std::string::npos;
  EXPECT_EQ(this_processor().vendor == Vendor::intel, intel);
  EXPECT_EQ(has_avx512_bf16(), cpuinfo_lists("avx512_bf16") && cpuinfo_lists("avx512_vnni"));
  EXPECT_EQ(fast_avx512_bf16(), has_avx512_bf16() && !intel);
}

TEST(Zen5, IsAmdsOfFamily1AhAndLater) {
  EXPECT_TRUE(is_zen5({.vendor = Vendor::amd, .family = 0x1a}));
  EXPECT_TRUE(is_zen5({.vendor = Vendor::amd, .family = 0x1b}));
  EXPECT_FALSE(is_zen5({.vendor = Vendor::amd, .family = 0x19}));
  EXPECT_FALSE(is_zen5({.vendor = Vendor::intel, .family = 0x1b}));
  EXPECT_FALSE(is_zen5({}));
}

TEST(Amx, IsThereOnlyWhereProcessorAndSystemAllowIt) {
  const auto sets = supported_isas();
  const auto amx = std::find(sets.begin(), sets.end(), Isa::amx);
  const bool listed = cpuinfo_lists("amx_tile") && cpuinfo_lists("amx_int8") &&
                      cpuinfo_lists("amx_bf16") && cpuinfo_lists("avx512_bf16");
  if (amx == sets.end()) {
    constexpr int kRequestPermission = 0x1023;
    constexpr int kTileData = 18;
    EXPECT_FALSE(listed && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0)
        << "processor and system offer AMX, but it is not found";
    GTEST_SKIP() << "this processor has no AMX, or the system does not allow it";
  }
  EXPECT_TRUE(listed);
  constexpr int kGetPermission = 0x1022;  // ARCH_GET_XCOMP_PERM
  std::uint64_t permitted = 0;
  ASSERT_EQ(syscall(SYS_arch_prctl, kGetPermission, &permitted), 0);
  EXPECT_NE(permitted & (1U << 18), 0U) << "tiles are taken for allowed, but are not";
  EXPECT_GT(amx, std::find(sets.begin(), sets.end(), Isa::avx512)) << "the better set comes last";
}

#endif

TEST(Amx, TakesItsVectorsFromAvx512) {
  EXPECT_EQ(vectors_of(Isa::amx), Isa::avx512);
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512, Isa::neon}) {
    EXPECT_EQ(vectors_of(isa), isa);
  }
}

}  // namespace
}  // namespace ceiling
