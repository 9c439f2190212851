#include "base/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/error.h"

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

}  // namespace
}  // namespace ceiling
