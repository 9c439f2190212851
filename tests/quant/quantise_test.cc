#include "quant/quantise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "quant/dequantise.h"
#include "quant/encoders.h"
#include "quant/half.h"

namespace ceiling {
namespace {

using Row = std::vector<float>;

Row round_trip(TensorType type, const Row& in, const float* importance = nullptr) {
  std::vector<std::byte> blocks(row_bytes(type, in.size()));
  quantise_row(type, in.data(), blocks.data(), in.size(), importance);
  Row out(in.size());
  dequantise_row(type, blocks.data(), out.data(), out.size());
  return out;
}

double squared_error(const Row& in, const Row& out, const float* importance = nullptr) {
  double total = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double off = static_cast<double>(out[i]) - static_cast<double>(in[i]);
    total += off * off * (importance == nullptr ? 1.0 : static_cast<double>(importance[i]));
  }
  return total;
}

double energy(const Row& in) { return squared_error(in, Row(in.size(), 0.0f)); }

Row row_of(std::size_t n, const std::function<float(std::size_t)>& value) {
  Row row(n);
  for (std::size_t i = 0; i < n; ++i) row[i] = value(i);
  return row;
}

Row normal_row(std::size_t n, float deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  return row_of(n, [&](std::size_t) { return normal(random); });
}

bool all_finite(const Row& row) {
  return std::all_of(row.begin(), row.end(), [](float v) { return std::isfinite(v); });
}

class Quantise : public testing::TestWithParam<TypeInfo> {
 protected:
  TensorType type() const { return GetParam().type; }
  bool has_blocks() const { return GetParam().block_elements > 1; }
  // Bits of one weight's code: the digit in the name; of floats, those of the significand.
  int code_bits() const {
    if (type() == TensorType::F32) return 24;
    if (type() == TensorType::F16) return 11;
    if (type() == TensorType::BF16) return 8;
    const auto digit = GetParam().name.find_first_of("0123456789");
    return GetParam().name[digit] - '0';
  }
};

TEST_P(Quantise, NormalWeightsComeBackWithTheErrorTheirBitsAllow) {
  const Row in = normal_row(4096, 0.02f, 5);
  // Uniform levels over +-3 deviations have an error variance of step^2 / 12.
  const double step = 6.0 / std::exp2(code_bits());
  EXPECT_LT(squared_error(in, round_trip(type(), in)) / energy(in), step * step / 12);
}

TEST_P(Quantise, ZerosStayZeros) { EXPECT_EQ(round_trip(type(), Row(512, 0.0f)), Row(512, 0.0f)); }

TEST_P(Quantise, AZeroBlockBetweenOthersStaysZero) {
  Row in = normal_row(768, 1.0f, 6);
  std::fill(in.begin() + 256, in.begin() + 512, 0.0f);
  const Row out = round_trip(type(), in);
  EXPECT_EQ(Row(out.begin() + 256, out.begin() + 512), Row(256, 0.0f));
}

TEST_P(Quantise, ConstantRowsAreNearlyExact) {
  for (const float value : {0.37f, -0.37f, 1000.0f, -0.02f}) {
    const Row out = round_trip(type(), Row(256, value));
    for (const float got : out) ASSERT_NEAR(got / value, 1.0f, 0.005f) << value;
  }
}

TEST_P(Quantise, OneLargeWeightAmongZerosSurvives) {
  Row in(256, 0.0f);
  in[77] = -3.0f;
  const Row out = round_trip(type(), in);
  EXPECT_NEAR(out[77], -3.0f, 0.01f);
  // The IQ4 types have no level at zero: the least is 1/127 of the largest.
  EXPECT_LT(squared_error(in, out), 32 * std::pow(3.0 / 127, 2));
}

TEST_P(Quantise, EveryErrorIsWithinAStepOfTheBlocksRange) {
  std::mt19937 random(8);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  const Row in = row_of(2048, [&](std::size_t) { return uniform(random); });
  const Row out = round_trip(type(), in);
  const double step = 2.0 / (std::exp2(code_bits()) - 1);
  for (std::size_t i = 0; i < in.size(); ++i) ASSERT_NEAR(out[i], in[i], step) << i;
}

TEST_P(Quantise, HugeAndVanishingWeightsGiveFiniteOnes) {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kTiny = std::numeric_limits<float>::denorm_min();
  const std::vector<std::function<float(std::size_t)>> rows = {
      [](std::size_t i) { return i % 2 == 0 ? kMax : -kMax; },
      [](std::size_t) { return kMax; },
      [](std::size_t) { return kTiny; },
      [](std::size_t i) { return i % 3 == 0 ? -kTiny : 0.0f; },
      [](std::size_t i) { return i == 100 ? kMax : kTiny; },
      [](std::size_t i) {
        return std::ldexp(i % 2 == 0 ? 1.0f : -1.0f, static_cast<int>(i % 250) - 125);
      },
      [](std::size_t i) { return 1e-7f * static_cast<float>(i % 7); },
      [](std::size_t) { return -1e-39f; },
  };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Row in = row_of(512, rows[r]);
    ASSERT_TRUE(all_finite(round_trip(type(), in))) << "row " << r;
    const Row importance = row_of(512, [](std::size_t i) { return i % 2 == 0 ? 1e30f : 0.0f; });
    ASSERT_TRUE(all_finite(round_trip(type(), in, importance.data()))) << "row " << r;
  }
}

TEST_P(Quantise, SmallWeightsAreNoWorseThanZeros) {
  for (const float size : {1e-3f, 1e-4f, 1e-5f, 1e-6f, 1e-7f, 1e-8f}) {
    const Row in = normal_row(512, size, 9);
    EXPECT_LE(squared_error(in, round_trip(type(), in)), energy(in)) << size;
  }
}

TEST_P(Quantise, ImportanceLowersTheWeightedError) {
  if (!has_blocks()) return;  // nothing to choose in a block of one
  const Row in = normal_row(4096, 0.02f, 10);
  std::mt19937 random(11);
  std::lognormal_distribution<float> lognormal(0.0f, 2.0f);
  const Row importance = row_of(in.size(), [&](std::size_t) { return lognormal(random); });
  const double without = squared_error(in, round_trip(type(), in), importance.data());
  const double with =
      squared_error(in, round_trip(type(), in, importance.data()), importance.data());
  EXPECT_LT(with, 0.97 * without);
}

TEST_P(Quantise, ImportanceOfAnyScaleOrNoneAtAll) {
  const Row in = normal_row(512, 0.02f, 12);
  const Row plain = round_trip(type(), in);
  EXPECT_EQ(round_trip(type(), in, Row(512, 0.0f).data()), plain);
  const double bound = 1.01 * squared_error(in, plain) + 1e-12;
  EXPECT_LE(squared_error(in, round_trip(type(), in, Row(512, 1e-12f).data())), bound);
  EXPECT_LE(squared_error(in, round_trip(type(), in, Row(512, 1e12f).data())), bound);
}

// Rows of every number of blocks up to a few: the last ones fill only some lanes.
TEST_P(Quantise, EveryInstructionSetWritesTheSameBytes) {
  if (!has_blocks()) return;
  for (std::size_t blocks = 1; blocks <= 35; blocks += blocks < 4 ? 1 : 7) {
    const std::size_t n = blocks * GetParam().block_elements;
    Row in = normal_row(n, 0.02f, 13);
    in[n / 2] = 3.0f;
    std::fill(in.end() - 32, in.end(), blocks % 2 == 0 ? 0.0f : 1e-6f);
    const Row importance = row_of(n, [](std::size_t i) { return static_cast<float>(i % 5); });
    std::vector<std::byte> expected(row_bytes(type(), n));
    quantising::portable_encoder()(type(), in.data(), importance.data(), n, expected.data());
    for (const Isa isa : supported_isas()) {
      std::vector<std::byte> out(expected.size());
      quantising::encoder(isa)(type(), in.data(), importance.data(), n, out.data());
      ASSERT_EQ(out, expected) << name(isa) << ", " << blocks << " blocks";
    }
  }
}

// What a block becomes does not depend on those beside it.
TEST_P(Quantise, BlocksDoNotSeeTheirNeighbours) {
  const std::size_t block = GetParam().block_elements;
  const Row in = normal_row(20 * block, 0.02f, 14);
  const Row whole = round_trip(type(), in);
  for (std::size_t first = 0; first < in.size(); first += block) {
    const Row alone =
        round_trip(type(), Row(in.begin() + static_cast<std::ptrdiff_t>(first),
                               in.begin() + static_cast<std::ptrdiff_t>(first + block)));
    ASSERT_TRUE(
        std::equal(alone.begin(), alone.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)));
  }
}

INSTANTIATE_TEST_SUITE_P(AllTypes, Quantise,
                         testing::ValuesIn(all_types().begin(), all_types().end()),
                         [](const auto& test) { return std::string(test.param.name); });

// rows.bin and peer_errors.txt are made by tests/data/quant/peer_errors.py.
TEST(QuantiseAgainstPeer, ErrorsAreNoWorseThanLlamaCppsQuantiser) {
  constexpr std::size_t kCols = 2048;
  Row stored(4 * kCols);
  std::ifstream rows(CEILING_TEST_DATA "/quant/rows.bin", std::ios::binary);
  rows.read(reinterpret_cast<char*>(stored.data()),
            static_cast<std::streamsize>(4 * stored.size()));
  ASSERT_TRUE(rows);
  const float* importance = stored.data() + 3 * kCols;
  std::ifstream lines(CEILING_TEST_DATA "/quant/peer_errors.txt");
  std::string type_name;
  std::size_t row = 0;
  double plain = 0;
  double weighted = 0;
  int compared = 0;
  while (lines >> type_name >> row >> plain >> weighted) {
    const TensorType type = tensor_type_from_name(type_name).value();
    const Row in(stored.begin() + static_cast<std::ptrdiff_t>(row * kCols),
                 stored.begin() + static_cast<std::ptrdiff_t>((row + 1) * kCols));
    EXPECT_LE(squared_error(in, round_trip(type, in)), plain) << type_name << " row " << row;
    EXPECT_LE(squared_error(in, round_trip(type, in, importance), importance), weighted)
        << type_name << " row " << row << " with importances";
    ++compared;
  }
  EXPECT_EQ(compared, 36);  // 12 types, 3 rows
}

// Weights on sixteen even steps, as Q4_1 has them, lie on thirty-two too, whatever weighs them.
TEST(QuantiseLattice, ABitMoreIsNearlyExact) {
  std::mt19937 random(15);
  std::lognormal_distribution<float> lognormal(0.0f, 3.0f);
  const Row in = row_of(2048, [&](std::size_t i) {
    return 0.0625f *
               (i % 32 < 16 ? static_cast<float>(i % 16) : static_cast<float>(random() % 16)) -
           0.5f;
  });
  const Row importance = row_of(in.size(), [&](std::size_t) { return lognormal(random); });
  for (const float* weights : {static_cast<const float*>(nullptr), importance.data()}) {
    const Row out = round_trip(TensorType::Q5_1, in, weights);
    EXPECT_LT(squared_error(in, out), 1e-6 * energy(in));
  }
}

// ---- Weights that were made of a type's own steps ----

// The integers of a K type: w = d * scale * level - dmin * minimum.
struct Steps {
  TensorType type;
  int group;
  int level_low, level_high;
  int scale_low, scale_high;
  int minimum_high;  // 0: none
};

constexpr std::array<Steps, 5> kSteps = {{{TensorType::Q2_K, 16, 0, 3, 5, 15, 15},
                                          {TensorType::Q3_K, 16, -4, 3, -32, 31, 0},
                                          {TensorType::Q4_K, 32, 0, 15, 20, 63, 63},
                                          {TensorType::Q5_K, 32, 0, 31, 20, 63, 63},
                                          {TensorType::Q6_K, 16, -32, 31, -128, 127, 0}}};

// A block as a quantiser leaves it, in halves: each group takes its outermost levels, and the
// largest integers of the block are the most there are.
Row block_of(const Steps& steps, std::mt19937& random) {
  const auto from = [&](int low, int high) {
    return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
  };
  const float d = half_to_float(float_to_half(1.5e-5f * static_cast<float>(from(64, 127)) / 64));
  const bool lines = steps.minimum_high > 0;
  const int groups = 256 / steps.group;
  const int one = from(0, groups - 1);
  const int other = from(0, groups - 1);
  Row row;
  for (int g = 0; g < groups; ++g) {
    int scale = lines ? from(steps.scale_low, steps.scale_high)
                      : from(-steps.scale_low / 4, steps.scale_high) * (from(0, 1) * 2 - 1);
    int minimum = from(0, steps.minimum_high);
    if (lines && g == one) scale = steps.scale_high;
    if (lines && g == other) minimum = steps.minimum_high;
    // The integer of largest magnitude has no opposite: two groups that take it need d's one sign.
    if (!lines && (g == one || g == other)) scale = steps.scale_low;
    std::vector<int> levels;
    for (int i = 0; i < steps.group; ++i) levels.push_back(from(steps.level_low, steps.level_high));
    const std::size_t first = random() % levels.size();
    levels[first] = steps.level_low + (lines ? 0 : from(0, 1));
    if (lines) levels[(first + 1) % levels.size()] = steps.level_high;
    for (const int level : levels) {
      const float weight = d * static_cast<float>(scale * level - 2 * minimum);
      row.push_back(half_to_float(float_to_half(weight)));
    }
  }
  return row;
}

// Whether weights count alike or one of them 10 000 times as much as the others: all blocks but two
// of 400. Where the heavy weight's rounding to half outweighs all other errors, some rightly are
// not.
TEST(QuantiseLattice, BlocksOfATypeAreFoundBack) {
  std::mt19937 random(16);
  std::lognormal_distribution<float> lognormal(0.0f, 1.0f);
  for (const Steps& steps : kSteps) {
    int lost = 0;
    for (int i = 0; i < 400; ++i) {
      const Row in = block_of(steps, random);
      const Row light = row_of(in.size(), [&](std::size_t) { return lognormal(random); });
      Row importance = light;
      if (i % 2 == 1) importance[random() % in.size()] *= 1e4f;
      const Row out = round_trip(steps.type, in, importance.data());
      const double all = squared_error(in, Row(in.size(), 0.0f), light.data());
      lost += squared_error(in, out, light.data()) > 1e-5 * all ? 1 : 0;
    }
    EXPECT_LE(lost, 2) << info(steps.type).name;
  }
}

TEST(QuantiseFloats, SaturateInsteadOfOverflowing) {
  EXPECT_EQ(round_trip(TensorType::F16, {1e6f, -1e6f, 65519.0f}),
            (Row{65504.0f, -65504.0f, 65504.0f}));
  const float largest = 0x1.fep127f;
  EXPECT_EQ(round_trip(TensorType::BF16, {std::numeric_limits<float>::max()}), Row{largest});
}

TEST(QuantiseFloats, F32IsExact) {
  const Row in = normal_row(100, 1.0f, 13);
  EXPECT_EQ(round_trip(TensorType::F32, in), in);
}

}  // namespace
}  // namespace ceiling
