#include "device/cpu/read_order.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"

namespace ceiling::cpu {
namespace {

class ReadOrderNamed : public testing::Test {
 protected:
  void TearDown() override { unsetenv("CEILING_READ_ORDER"); }
};

TEST_F(ReadOrderNamed, TheUserDecides) {
  setenv("CEILING_READ_ORDER", "two-streams", 1);
  EXPECT_EQ(usual_read_order(), ReadOrder::two_streams);
  setenv("CEILING_READ_ORDER", "four-streams", 1);
  EXPECT_EQ(usual_read_order(), ReadOrder::four_streams);
  setenv("CEILING_READ_ORDER", "many-streams", 1);
  EXPECT_EQ(usual_read_order(), ReadOrder::many_streams);
}

TEST_F(ReadOrderNamed, EmptyIsNotSet) {
  const ReadOrder own = usual_read_order();
  setenv("CEILING_READ_ORDER", "", 1);
  EXPECT_EQ(usual_read_order(), own);
}

TEST_F(ReadOrderNamed, AnUnknownNameIsRefused) {
  setenv("CEILING_READ_ORDER", "three", 1);
  try {
    usual_read_order();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("'three'"), std::string::npos);
  }
}

}  // namespace
}  // namespace ceiling::cpu
