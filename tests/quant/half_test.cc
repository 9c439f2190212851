#include "quant/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace ceiling {
namespace {

// The truth is the definition of binary16, in double: sign, exponent, fraction.
double half_value(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

bool finite(std::uint16_t half) { return (half & 0x7c00) != 0x7c00; }

TEST(Half, EveryFiniteHalfBecomesItsValue) {
  for (std::uint32_t h = 0; h < 0x10000; ++h) {
    const auto half = static_cast<std::uint16_t>(h);
    if (!finite(half)) continue;
    const float value = half_to_float(half);
    ASSERT_EQ(static_cast<double>(value), half_value(half)) << std::hex << h;
    ASSERT_EQ(std::signbit(value), (half & 0x8000) != 0) << std::hex << h;
    ASSERT_EQ(float_to_half(value), half) << std::hex << h;
  }
}

TEST(Half, InfinityAndNanKeepTheirKind) {
  EXPECT_EQ(half_to_float(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(half_to_float(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7e01)));
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(float_to_half(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_FALSE(finite(float_to_half(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_NE(float_to_half(std::numeric_limits<float>::quiet_NaN()) & 0x3ff, 0);
}

// Between every pair of neighbouring halves: the middle goes to the even one, a float above it up,
// a float below it down.
TEST(Half, RoundsToNearestTiesToEven) {
  for (std::uint16_t low = 0; low < 0x7bff; ++low) {
    const std::uint16_t high = low + 1;
    const auto middle = static_cast<float>((half_value(low) + half_value(high)) / 2);
    ASSERT_EQ(float_to_half(middle), low % 2 == 0 ? low : high) << std::hex << low;
    ASSERT_EQ(float_to_half(std::nextafter(middle, 1e9f)), high) << std::hex << low;
    ASSERT_EQ(float_to_half(std::nextafter(middle, -1.0f)), low) << std::hex << low;
    ASSERT_EQ(float_to_half(-middle), 0x8000 | (low % 2 == 0 ? low : high)) << std::hex << low;
  }
}

TEST(Half, OverflowStartsHalfAStepAboveTheLargest) {
  EXPECT_EQ(float_to_half(65504.0f), 0x7bff);
  EXPECT_EQ(float_to_half(65519.99f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(3e38f), 0x7c00);
  EXPECT_EQ(float_to_half(1e-30f), 0);
  EXPECT_EQ(float_to_half(-1e-42f), 0x8000);
}

TEST(BFloat, IsTheUpperHalfOfAFloat) {
  for (std::uint32_t b = 0; b < 0x10000; ++b) {
    const auto bf = static_cast<std::uint16_t>(b);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(bfloat_to_float(bf)), b << 16);
    if (!std::isnan(bfloat_to_float(bf))) {
      ASSERT_EQ(float_to_bfloat(bfloat_to_float(bf)), bf);
    }
  }
}

TEST(BFloat, RoundsToNearestTiesToEven) {
  std::mt19937 random(7);
  for (int i = 0; i < 100000; ++i) {
    const auto low = static_cast<std::uint16_t>(random() & 0x7fff);
    if (low >= 0x7f7f) continue;
    const std::uint32_t base = static_cast<std::uint32_t>(low) << 16;
    const auto round = [&](std::uint32_t rest) {
      return float_to_bfloat(std::bit_cast<float>(base | rest));
    };
    ASSERT_EQ(round(0x8000), low % 2 == 0 ? low : low + 1);
    ASSERT_EQ(round(0x8001), low + 1);
    ASSERT_EQ(round(0x7fff), low);
  }
}

TEST(BFloat, NanStaysNan) {
  // A NaN whose payload is in the low bits only must not become infinity.
  EXPECT_TRUE(std::isnan(bfloat_to_float(float_to_bfloat(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_TRUE(std::isnan(bfloat_to_float(float_to_bfloat(std::bit_cast<float>(0xffffffffu)))));
}

}  // namespace
}  // namespace ceiling
