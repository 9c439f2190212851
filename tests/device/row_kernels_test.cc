// Every instruction set's row kernels against plain arithmetic in double.
#include "device/cpu/kernels/row_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "quant/half.h"

namespace ceiling::cpu {
namespace {

using Floats = std::vector<float>;

Floats normal(std::size_t n, float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw(0, spread);
  Floats out(n);
  for (float& x : out) x = draw(random);
  return out;
}

void expect_close(const Floats& actual, const std::vector<double>& expected, double relative,
                  double absolute) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], absolute + relative * std::fabs(expected[i])) << i;
  }
}

class RowKernelsTest : public testing::TestWithParam<Isa> {
 protected:
  const RowKernels& kernels_ = row_kernels(GetParam());
};

// Whole vectors, parts of one, and both.
const std::size_t kLengths[] = {1, 7, 16, 64, 576, 577, 1031};

TEST_P(RowKernelsTest, Norm) {
  for (const std::size_t n : kLengths) {
    const Floats x = normal(n, 3, 1);
    const Floats w = normal(n, 1, 2);
    Floats out(n);
    kernels_.rms_norm(x.data(), w.data(), 1e-5F, n, out.data());
    double sum = 0;
    for (const float v : x) sum += double{v} * v;
    std::vector<double> expected(n);
    for (std::size_t i = 0; i < n; ++i) {
      expected[i] = x[i] / std::sqrt(sum / static_cast<double>(n) + 1e-5) * w[i];
    }
    expect_close(out, expected, 1e-5, 0);
  }
}

TEST_P(RowKernelsTest, SumsAndScales) {
  for (const std::size_t n : kLengths) {
    const Floats a = normal(n, 1, 1);
    const Floats b = normal(n, 1, 2);
    Floats out(n);
    std::vector<double> expected(n);
    kernels_.add(a.data(), b.data(), n, out.data());
    for (std::size_t i = 0; i < n; ++i) expected[i] = double{a[i]} + b[i];
    expect_close(out, expected, 1e-6, 1e-7);
    kernels_.add_scaled(a.data(), 0.3F, n, out.data());
    for (std::size_t i = 0; i < n; ++i) expected[i] += double{a[i]} * 0.3F;
    expect_close(out, expected, 1e-6, 1e-6);
    kernels_.scale(a.data(), -2.5F, n, out.data());
    for (std::size_t i = 0; i < n; ++i) expected[i] = double{a[i]} * -2.5;
    expect_close(out, expected, 1e-6, 0);
  }
}

TEST_P(RowKernelsTest, Activations) {
  for (const std::size_t n : kLengths) {
    Floats gate = normal(n, 4, 1);
    const float far[] = {-1000, -90, -30, 30, 90, 1000};
    for (std::size_t i = 0; i < std::min<std::size_t>(n, 6); ++i) gate[i] = far[i];
    const Floats up = normal(n, 1, 2);
    Floats out(n);
    std::vector<double> expected(n);
    kernels_.silu_times(gate.data(), up.data(), n, out.data());
    for (std::size_t i = 0; i < n; ++i) {
      expected[i] = gate[i] / (1 + std::exp(-double{gate[i]})) * up[i];
    }
    expect_close(out, expected, 2e-6, 1e-30);
    kernels_.gelu_times(gate.data(), up.data(), n, out.data());
    for (std::size_t i = 0; i < n; ++i) {
      const double g = gate[i];
      const double y = std::sqrt(2 / std::acos(-1.0)) * (g + 0.044715 * g * g * g);
      expected[i] = 0.5 * g * (1 + std::tanh(y)) * up[i];
    }
    expect_close(out, expected, 2e-5, 1e-6);
    kernels_.soft_cap(gate.data(), 30, n, out.data());
    for (std::size_t i = 0; i < n; ++i) expected[i] = 30 * std::tanh(gate[i] / 30.0);
    expect_close(out, expected, 1e-6, 1e-5);
  }
}

TEST_P(RowKernelsTest, Rope) {
  for (const std::size_t rotated : {2U, 6U, 16U, 64U, 72U, 128U}) {
    const Floats x = normal(rotated, 1, 1);
    Floats cosine(rotated / 2);
    Floats sine(rotated / 2);
    for (std::size_t i = 0; i < rotated / 2; ++i) {
      cosine[i] = std::cos(static_cast<float>(i));
      sine[i] = std::sin(static_cast<float>(i));
    }
    for (const bool halves : {false, true}) {
      Floats out = x;  // in place
      (halves ? kernels_.rope_halves : kernels_.rope_adjacent)(out.data(), cosine.data(),
                                                               sine.data(), rotated, out.data());
      std::vector<double> expected(rotated);
      for (std::size_t i = 0; i < rotated / 2; ++i) {
        const std::size_t first = halves ? i : 2 * i;
        const std::size_t second = halves ? rotated / 2 + i : 2 * i + 1;
        expected[first] = double{x[first]} * cosine[i] - double{x[second]} * sine[i];
        expected[second] = double{x[first]} * sine[i] + double{x[second]} * cosine[i];
      }
      expect_close(out, expected, 1e-6, 1e-6);
    }
  }
}

TEST_P(RowKernelsTest, Halves) {
  for (const std::size_t n : kLengths) {
    Floats x = normal(n, 10, 3);
    x[0] = 1e6F;
    if (n > 1) x[1] = -1e6F;
    if (n > 2) x[2] = 1e-7F;
    std::vector<std::uint16_t> out(n);
    kernels_.to_half(x.data(), n, out.data());
    for (std::size_t i = 0; i < n; ++i) {
      const float expected = i == 0 ? 65504.0F : (i == 1 ? -65504.0F : x[i]);
      ASSERT_EQ(out[i], float_to_half(expected)) << i;
    }
  }
}

TEST_P(RowKernelsTest, Q8) {
  for (const std::size_t n : {1U, 17U, 32U}) {
    for (const float spread : {0.0F, 1e-3F, 1.0F, 1e9F}) {
      const Floats x = normal(n, spread, 4);
      std::vector<std::int8_t> out(n);
      const float scale = half_to_float(kernels_.to_q8(x.data(), n, out.data()));
      float most = 0;
      for (const float v : x) most = std::max(most, std::fabs(v));
      EXPECT_NEAR(scale, std::min(most / 127, 65504.0F), most * 1e-3F + 3e-8F);
      if (spread > 1) continue;
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(out[i] * scale, x[i], 0.51F * scale + most * 1e-3F) << i;
      }
    }
  }
}

// Pages of one KV head in every form, and as plain numbers: [position][element].
struct Pages {
  Pages(std::size_t pages, std::size_t keys, std::size_t values)
      : key_width(keys), value_pitch(values) {
    const std::size_t positions = pages * kPagePositions;
    for (const float x : normal(positions * keys, 1, 7)) half_keys.push_back(float_to_half(x));
    for (const float x : normal(positions * values, 1, 8)) half_values.push_back(float_to_half(x));
    std::mt19937 random(9);
    for (std::size_t i = 0; i < positions * keys; ++i) {
      q8_keys.push_back(static_cast<std::int8_t>(random() % 255));
    }
    for (std::size_t i = 0; i < positions * values; ++i) {
      q8_values.push_back(static_cast<std::int8_t>(random() % 255));
    }
    const auto scales = [&](std::size_t width) {
      std::vector<std::uint16_t> out;
      for (std::size_t i = 0; i < positions * ((width + 31) / 32); ++i) {
        out.push_back(float_to_half(static_cast<float>(random() % 100 + 1) / 5000));
      }
      return out;
    };
    key_scales = scales(keys);
    value_scales = scales(values);
  }
  std::size_t key_scale_count() const { return (key_width + 31) / 32; }
  std::size_t value_scale_count() const { return (value_pitch + 31) / 32; }
  HalfPage half(std::size_t page) const {
    return {&half_keys[page * key_width * kPagePositions],
            &half_values[page * value_pitch * kPagePositions]};
  }
  Q8Page q8(std::size_t page) const {
    return {&q8_keys[page * key_width * kPagePositions],
            &q8_values[page * value_pitch * kPagePositions],
            &key_scales[page * key_scale_count() * kPagePositions],
            &value_scales[page * value_scale_count() * kPagePositions], value_scale_count()};
  }
  double key(bool quantised, std::size_t position, std::size_t e) const {
    const std::size_t page = position / kPagePositions;
    const std::size_t slot = position % kPagePositions;
    const std::size_t at = (page * key_width + e) * kPagePositions + slot;
    const std::size_t scale = (page * key_scale_count() + e / 32) * kPagePositions + slot;
    return quantised ? double{half_to_float(key_scales[scale])} * q8_keys[at]
                     : double{half_to_float(half_keys[at])};
  }
  double value(bool quantised, std::size_t position, std::size_t e) const {
    const std::size_t at = position * value_pitch + e;
    const std::size_t scale = position * value_scale_count() + e / 32;
    return quantised ? double{half_to_float(value_scales[scale])} * q8_values[at]
                     : double{half_to_float(half_values[at])};
  }
  // From that position on, values are not numbers.
  void spoil_values(std::size_t position) {
    std::fill(half_values.begin() + static_cast<std::ptrdiff_t>(position * value_pitch),
              half_values.end(), std::uint16_t{0x7e00});
    std::fill(value_scales.begin() + static_cast<std::ptrdiff_t>(position * value_scale_count()),
              value_scales.end(), std::uint16_t{0x7e00});
  }
  std::size_t key_width, value_pitch;
  std::vector<std::uint16_t> half_keys, half_values, key_scales, value_scales;
  std::vector<std::int8_t> q8_keys, q8_values;
};

struct Case {
  std::size_t queries, key_width, value_pitch;
  float soft_cap;
};

// Query i sees positions [2 i, 70 + i): a part of each of the first two pages, none of the third.
constexpr std::size_t kPages = 3;
std::size_t first_seen(std::size_t query) { return 2 * query; }
std::size_t end_seen(std::size_t query) { return 70 + query; }

std::vector<double> exact_attention(const Case& c, const Pages& pages, const Floats& query,
                                    bool quantised) {
  std::vector<double> out;
  for (std::size_t i = 0; i < c.queries; ++i) {
    std::vector<double> sums(c.value_pitch);
    double total = 0;
    for (std::size_t p = first_seen(i); p < end_seen(i); ++p) {
      double score = 0;
      for (std::size_t e = 0; e < c.key_width; ++e) {
        score += double{query[i * c.key_width + e]} * pages.key(quantised, p, e);
      }
      if (c.soft_cap != 0) score = c.soft_cap * std::tanh(score / c.soft_cap);
      const double weight = std::exp(score);
      total += weight;
      for (std::size_t e = 0; e < c.value_pitch; ++e) {
        sums[e] += weight * pages.value(quantised, p, e);
      }
    }
    for (const double sum : sums) out.push_back(sum / total);
  }
  return out;
}

TEST_P(RowKernelsTest, Attention) {
  for (const Case& c : {Case{1, 64, 64, 0}, Case{3, 64, 64, 0}, Case{4, 256, 256, 0},
                        Case{8, 128, 128, 50}, Case{25, 20, 48, 0}, Case{6, 16, 16, 2}}) {
    const Floats query = normal(c.queries * c.key_width, 0.4F, 5);
    for (const bool quantised : {false, true}) {
      SCOPED_TRACE(c.queries);
      Pages pages(kPages, c.key_width, c.value_pitch);
      const auto expected = exact_attention(c, pages, query, quantised);
      pages.spoil_values(end_seen(c.queries - 1));  // what no query sees may be anything
      Floats largest(c.queries, -3.0e38F);
      Floats sum(c.queries);
      Floats weighted(c.queries * c.value_pitch);
      std::vector<Visible> visible(c.queries);
      const AttentionState state{query.data(),    largest.data(), sum.data(),
                                 weighted.data(), visible.data(), c.queries,
                                 c.key_width,     c.value_pitch,  c.soft_cap};
      for (std::size_t page = 0; page < kPages; ++page) {
        for (std::size_t i = 0; i < c.queries; ++i) {
          const auto within = [&](std::size_t position) {
            const std::size_t start = page * kPagePositions;
            return static_cast<std::uint32_t>(std::clamp(position, start, start + kPagePositions) -
                                              start);
          };
          visible[i] = {within(first_seen(i)), within(end_seen(i))};
        }
        if (quantised) {
          kernels_.attend_q8(state, pages.q8(page));
        } else {
          kernels_.attend_half(state, pages.half(page));
        }
      }
      for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] /= sum[i / c.value_pitch];
      expect_close(weighted, expected, 3e-5, 3e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, RowKernelsTest, testing::ValuesIn(supported_isas()),
                         [](const auto& set) { return std::string(name(set.param)); });

}  // namespace
}  // namespace ceiling::cpu
