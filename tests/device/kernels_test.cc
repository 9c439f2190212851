// Every kernel of every instruction set that this processor has, against the scalar dequantiser and
// exact arithmetic (double) on activations rounded as the preparation says.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "device/cpu/kernels/kernel_set.h"
#include "device/cpu/matmul.h"
#include "matmul_problem.h"
#include "quant/dequantise.h"

namespace ceiling::cpu {
namespace {

using namespace test;

float largest_of(const float* x, std::size_t n) {
  float largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

// Each 256 values with a scale, each 32 of them with an integer step up to 127, rounded to int8.
std::vector<double> rounded_nested(const std::vector<float>& x) {
  std::vector<double> out(x.size());
  for (std::size_t start = 0; start < x.size(); start += 256) {
    const float most = largest_of(x.data() + start, 256);
    const float inverse = most > 0 ? 127.0F / most : 0.0F;
    for (std::size_t block = start; block < start + 256; block += 32) {
      const float step = std::min(std::ceil(largest_of(x.data() + block, 32) * inverse), 127.0F);
      for (std::size_t i = block; i < block + 32 && step > 0; ++i) {
        out[i] = std::nearbyint(x[i] * (inverse * 127.0F / step)) *
                 static_cast<double>(most / (127.0F * 127.0F) * step);
      }
    }
  }
  return out;
}

bool is_nested(InputForm form) {
  return form.preparation == Preparation::q8_nested ||
         form.preparation == Preparation::q8_nested_halved ||
         form.preparation == Preparation::q8_nested_pairs;
}

// Each 32 values rounded to int8 with a scale.
std::vector<double> rounded(InputForm form, const std::vector<float>& x) {
  if (is_nested(form)) return rounded_nested(x);
  std::vector<double> out(x.size());
  for (std::size_t start = 0; start < x.size(); start += 32) {
    const float largest = largest_of(x.data() + start, 32);
    const float inverse = largest > 0 ? 127.0F / largest : 0.0F;
    for (std::size_t i = start; i < start + 32; ++i) {
      out[i] = std::nearbyint(x[i] * inverse) * static_cast<double>(largest / 127.0F);
    }
  }
  return out;
}

// The values that the form stands for.
std::vector<double> as_prepared(InputForm form, const std::vector<float>& x) {
  std::vector<double> out(x.begin(), x.end());
  if (form.preparation == Preparation::f32) return out;
  if (form.preparation == Preparation::bf16) {
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = bfloat_to_float(float_to_bfloat(x[i]));
    return out;
  }
  out = rounded(form, x);
  if (!form.two_terms) return out;
  std::vector<float> left(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) left[i] = static_cast<float>(x[i] - out[i]);
  const std::vector<double> second = rounded(form, left);
  for (std::size_t i = 0; i < x.size(); ++i) out[i] += second[i];
  return out;
}

double rms_error(const std::vector<double>& taken, const std::vector<float>& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += (taken[i] - x[i]) * (taken[i] - x[i]);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

// What docs/architecture.md says of it.
TEST(NestedScales, RoundNearlyAsCloselyAsScalesOfTheirOwn) {
  Random random(7);
  std::normal_distribution<float> normal;
  for (const float outlier : {1.0F, 100.0F}) {
    std::vector<float> x(65536);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = normal(random) * (i % 500 == 0 ? outlier : 1);
    const double own = rms_error(rounded({.preparation = Preparation::q8_rows}, x), x);
    const double nested = rms_error(rounded_nested(x), x);
    EXPECT_GT(own, 0);
    EXPECT_LT(nested, 1.02 * own) << outlier;
  }
}

// Kernels under test: those that MatMul takes for an instruction set, or else a set that these have
// taken the place of.
struct Tested {
  std::string name;
  Isa isa;
  const KernelSet* kernels = nullptr;
  MatMul matmul(ReadOrder order = ReadOrder::many_streams) const {
    return kernels == nullptr ? MatMul(isa, order) : MatMul(*kernels, order);
  }
};

std::vector<Tested> all_tested() {
  std::vector<Tested> out;
  for (const Isa isa : supported_isas()) out.push_back({std::string(name(isa)), isa});
#if defined(__x86_64__)
  if (fast_avx512_bf16()) out.push_back({"avx512_in_float32", Isa::avx512, &avx512_kernels()});
  if (has_avx512_bf16() && !fast_avx512_bf16()) {
    out.push_back({"avx512_in_bf16", Isa::avx512, &avx512_bf16_kernels()});
  }
  if (has_avx512_bf16()) out.push_back({"avx512_of_zen5", Isa::avx512, &zen5_kernels()});
#elif defined(__aarch64__)
  if (has_neon_i8mm()) out.push_back({"neon_without_i8mm", Isa::neon, &neon_kernels()});
#endif
  return out;
}

// The product, the rows divided at `cuts`; y has a pitch wider than the rows.
std::vector<float> run(const Tested& tested, const Problem& problem,
                       const std::vector<std::size_t>& cuts,
                       ReadOrder order = ReadOrder::many_streams) {
  const MatMul matmul = tested.matmul(order);
  const MatMulShape shape = problem.shape();
  const InputForm form = matmul.form(shape, problem.n);
  const std::size_t pitch = matmul.prepared_bytes(form, problem.cols);
  EXPECT_EQ(pitch % 64, 0U);
  AlignedBytes prepared(pitch * problem.n);
  for (std::size_t i = 0; i < problem.n; ++i) {
    matmul.prepare(form, problem.x[i].data(), problem.cols, prepared.data() + i * pitch);
  }
  const GuardedBytes weights(problem.weights);
  AlignedBytes workspace(matmul.workspace_bytes(shape, problem.n));
  const std::size_t y_pitch = problem.rows + 3;
  std::vector<float> y(y_pitch * problem.n, -12345.0F);
  std::size_t begin = 0;
  for (const std::size_t end : cuts) {
    matmul.multiply(shape, weights.data(), begin, end, prepared.data(), problem.n, y.data(),
                    y_pitch, workspace.data());
    begin = end;
  }
  return y;
}

// For each weight the largest magnitude among its 32: scale and minimum are rounded apart, so that
// a weight near zero is as exact as its block is.
std::vector<double> largest_of_block(const std::vector<float>& w) {
  std::vector<double> out(w.size());
  for (std::size_t start = 0; start < w.size(); start += 32) {
    const std::size_t end = std::min(start + 32, w.size());
    double largest = 0;
    for (std::size_t c = start; c < end; ++c) largest = std::max<double>(largest, std::fabs(w[c]));
    std::fill(out.begin() + start, out.begin() + end, largest);
  }
  return out;
}

void expect_exact(const Tested& tested, const Problem& problem) {
  const std::size_t rows = problem.rows;
  const auto y = run(tested, problem, {rows});
  const auto divided = run(tested, problem, {1, rows / 2 + 1, rows});
  const auto by_twos = run(tested, problem, {rows / 3, rows}, ReadOrder::two_streams);
  const auto by_fours = run(tested, problem, {rows / 3, rows}, ReadOrder::four_streams);
  const InputForm form = tested.matmul().form(problem.shape(), problem.n);
  std::vector<std::vector<double>> x;
  x.reserve(problem.n);
  for (const auto& row : problem.x) x.push_back(as_prepared(form, row));
  const std::size_t bytes = row_bytes(problem.type, problem.cols);
  std::vector<float> w(problem.cols);
  for (std::size_t r = 0; r < rows; ++r) {
    dequantise_row(problem.type, problem.weights.data() + r * bytes, w.data(), problem.cols);
    const auto largest = largest_of_block(w);
    for (std::size_t i = 0; i < problem.n; ++i) {
      double exact = 0;
      double magnitude = 0;
      double subnormal = 0;  // what bf16 arithmetic loses by taking subnormals for zero
      for (std::size_t c = 0; c < problem.cols; ++c) {
        exact += w[c] * x[i][c];
        magnitude += largest[c] * std::fabs(x[i][c]);
        if (form.preparation == Preparation::bf16) subnormal += 1.2e-38 * std::fabs(x[i][c]);
      }
      const std::size_t at = i * (rows + 3) + r;
      ASSERT_NEAR(y[at], exact, 1e-6 * magnitude + subnormal)
          << "row " << r << ", activation row " << i;
      ASSERT_EQ(y[at], divided[at]) << "row " << r << " depends on how rows are divided";
      ASSERT_EQ(y[at], by_twos[at]) << "row " << r << " depends on the order of reading";
      ASSERT_EQ(y[at], by_fours[at]) << "row " << r << " depends on the order of reading";
    }
  }
  for (std::size_t i = 0; i < problem.n; ++i) {
    for (std::size_t r = rows; r < rows + 3; ++r) {
      ASSERT_EQ(y[i * (rows + 3) + r], -12345.0F) << "wrote beyond the rows";
    }
  }
}

class Kernels : public testing::TestWithParam<std::tuple<Tested, TensorType>> {
 protected:
  Tested tested() const { return std::get<0>(GetParam()); }
  TensorType type() const { return std::get<1>(GetParam()); }
  // Row lengths: each count of blocks up to a few, and lengths of real models.
  std::vector<std::size_t> lengths() const {
    switch (info(type()).block_elements) {
      case 1:
        return {1, 7, 16, 31, 33, 64, 100, 255, 576, 1030};
      case 32:
        return {32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 480, 576, 640, 1536};
      default:
        return {256, 512, 768, 1024, 1280, 2048};
    }
  }
};

TEST_P(Kernels, OneRowOfActivationsAtEveryLength) {
  for (const std::size_t cols : lengths()) {
    SCOPED_TRACE(cols);
    expect_exact(tested(), make_problem(type(), 37, cols, 1, Content::random));
  }
}

TEST_P(Kernels, ExtremeBlocks) {
  for (const Content content : kContents) {
    SCOPED_TRACE(static_cast<int>(content));
    for (const std::size_t n : {1, 3, 8, 20}) {
      expect_exact(tested(), make_problem(type(), 18, 512, n, content));
    }
  }
}

// Every weight and every activation at its largest, and of one sign: sums in narrow integers must
// not wrap or saturate.
TEST_P(Kernels, LargestProducts) {
  for (const unsigned byte : {0xffU, 0x00U, 0x80U, 0x7fU}) {
    SCOPED_TRACE(byte);
    for (const std::size_t n : {1, 4, 20}) {
      Problem problem = make_problem(type(), 18, 1024, n, Content::random);
      const TypeInfo& block = info(type());
      if (block.block_elements == 1) continue;
      std::fill(problem.weights.begin(), problem.weights.end(), std::byte(byte));
      for (std::size_t at = 0; at < problem.weights.size(); at += block.block_bytes) {
        for (const std::size_t offset : half_offsets(type())) {
          const std::uint16_t half = 0x2c00;  // 1/16
          std::memcpy(problem.weights.data() + at + offset, &half, sizeof half);
        }
      }
      for (std::size_t i = 0; i < n; ++i) {
        std::fill(problem.x[i].begin(), problem.x[i].end(), i % 2 == 0 ? 1.0F : -1.0F);
      }
      expect_exact(tested(), problem);
    }
  }
}

TEST_P(Kernels, EveryNumberOfRows) {
  for (const std::size_t n : {2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 64}) {
    SCOPED_TRACE(n);
    expect_exact(tested(), make_problem(type(), 21, 768, n, Content::random));
  }
}

TEST_P(Kernels, BatchesAtEveryLength) {
  for (const std::size_t cols : lengths()) {
    for (std::size_t n = 3; n <= 8; ++n) {
      SCOPED_TRACE(std::to_string(cols) + " columns, rows of activations: " + std::to_string(n));
      expect_exact(tested(), make_problem(type(), 19, cols, n, Content::random));
    }
  }
}

TEST_P(Kernels, PromptsAtEveryLength) {
  for (const std::size_t cols : lengths()) {
    SCOPED_TRACE(cols);
    expect_exact(tested(), make_problem(type(), 70, cols, 35, Content::random));
  }
}

// The second term is nearly all that the first left: the product is that of the values themselves.
TEST_P(Kernels, TwoTerms) {
  if (info(type()).block_elements == 1) return;
  for (const std::size_t n : {1, 2, 3, 4, 9, 40}) {
    SCOPED_TRACE(n);
    Problem problem = make_problem(type(), 70, 1536, n, Content::random);
    problem.two_terms = true;
    expect_exact(tested(), problem);
    const InputForm form = tested().matmul().form(problem.shape(), n);
    for (const auto& row : problem.x) {
      const std::vector<double> taken = as_prepared(form, row);
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::size_t block = is_nested(form) ? 256 : 32;
        const float largest = largest_of(row.data() + i / block * block, block);
        ASSERT_NEAR(taken[i], row[i], largest / (254 * 250)) << i;
      }
    }
  }
}

// What a processor has more changes no bit of the results, but for BF16 weights: there activations
// are rounded to bf16 or not.
TEST_P(Kernels, TheSameBitsWithFurtherFeatures) {
  if (tested().kernels == nullptr || type() == TensorType::BF16) return;
  for (const Content content : kContents) {
    SCOPED_TRACE(static_cast<int>(content));
    for (const std::size_t n : {7, 8, 21}) {
      const Problem problem = make_problem(type(), 23, 1536, n, content);
      const auto y = run(tested(), problem, {23});
      const auto with_more = run({.name = "", .isa = tested().isa}, problem, {23});
      for (std::size_t i = 0; i < y.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(y[i]), std::bit_cast<std::uint32_t>(with_more[i]))
            << i;
      }
    }
  }
}

// Which kernels run shows in the workspace that they ask for.
TEST(Tiles, TakePromptsThroughBf16Weights) {
  const auto sets = supported_isas();
  if (std::find(sets.begin(), sets.end(), Isa::amx) == sets.end()) {
    GTEST_SKIP() << "this processor has no AMX, or the system does not allow it";
  }
  for (const TypeInfo& type : all_types()) {
    const MatMulShape shape{type.type, 64, 1024};
    EXPECT_EQ(MatMul(Isa::amx).workspace_bytes(shape, 64) !=
                  MatMul(Isa::avx512).workspace_bytes(shape, 64),
              type.type == TensorType::BF16)
        << type.name;
  }
}

TEST(Bf16Weights, TakePromptsByTheFasterArithmetic) {
  const auto sets = supported_isas();
  if (std::find(sets.begin(), sets.end(), Isa::avx512) == sets.end()) {
    GTEST_SKIP() << "this processor has no AVX-512";
  }
  const MatMulShape shape{TensorType::BF16, 64, 1024};
  EXPECT_EQ(MatMul(Isa::avx512).form(shape, 64).preparation,
            fast_avx512_bf16() ? Preparation::bf16 : Preparation::f32);
  EXPECT_EQ(MatMul(Isa::avx512).form(shape, 1).preparation, Preparation::f32);
}

// Work that the lab adds changes no bit of the results.
TEST_P(Kernels, TrialsLeaveResultsAlone) {
  const MatMul matmul = tested().matmul();
  if (!matmul.has_trial(type())) return;
  Problem problem = make_problem(type(), 37, 768, 1, Content::random);
  for (const bool two_terms : {false, info(type()).block_elements > 1}) {
    problem.two_terms = two_terms;
    const auto y = run(tested(), problem, {37});
    const MatMulShape shape = problem.shape();
    const InputForm form = matmul.form(shape, 1);
    AlignedBytes prepared(matmul.prepared_bytes(form, 768));
    matmul.prepare(form, problem.x[0].data(), 768, prepared.data());
    const std::vector<std::byte> extra(9984);
    for (const Trial& trial :
         {Trial{}, Trial{.arithmetic = 0.1}, Trial{.arithmetic = 7},
          Trial{.extra = extra.data(), .extra_bytes = extra.size(), .at = 64, .amount = 5000},
          Trial{.arithmetic = 1, .extra = extra.data(), .extra_bytes = 64, .amount = 100000}}) {
      std::vector<float> changed(37);
      matmul.multiply_trial(trial, shape, problem.weights.data(), 0, 37, prepared.data(),
                            changed.data());
      for (std::size_t r = 0; r < 37; ++r) ASSERT_EQ(changed[r], y[r]) << "row " << r;
    }
  }
}

TEST(Trials, ExistOnX86) {
  for (const Isa isa : supported_isas()) {
    const bool vectors = isa == Isa::avx2 || vectors_of(isa) == Isa::avx512;
    for (const TensorType type : {TensorType::Q4_0, TensorType::Q8_0, TensorType::Q4_K,
                                  TensorType::Q6_K, TensorType::F16}) {
      EXPECT_EQ(MatMul(isa).has_trial(type), vectors) << name(isa) << " " << name(type);
    }
  }
}

std::vector<TensorType> types() {
  std::vector<TensorType> out;
  for (const TypeInfo& type : all_types()) out.push_back(type.type);
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    All, Kernels, testing::Combine(testing::ValuesIn(all_tested()), testing::ValuesIn(types())),
    [](const auto& param) {
      return std::get<0>(param.param).name + "_" + std::string(name(std::get<1>(param.param)));
    });

}  // namespace
}  // namespace ceiling::cpu
