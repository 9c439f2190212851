// Every kernel of every instruction set that this processor has, against the scalar dequantiser and
// exact arithmetic (double) on activations rounded as the preparation says.
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "device/cpu/matmul.h"
#include "quant/dequantise.h"

namespace ceiling::cpu {
namespace {

using Random = std::mt19937;

// 64-byte aligned bytes.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t size) : storage_(size + 64) {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    start_ = storage_.data() + (64 - address % 64) % 64;
  }
  std::byte* data() { return start_; }

 private:
  std::vector<std::byte> storage_;
  std::byte* start_;
};

// Bytes that end where memory ends: a read beyond them is a crash.
class GuardedBytes {
 public:
  explicit GuardedBytes(const std::vector<std::byte>& bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inside = (bytes.size() + page - 1) / page * page;
    size_ = inside + page;
    mapping_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (mapping_ == MAP_FAILED || mprotect(mapping_ + inside, page, PROT_NONE) != 0) std::abort();
    start_ = mapping_ + inside - bytes.size();
    std::memcpy(start_, bytes.data(), bytes.size());
  }
  ~GuardedBytes() { munmap(mapping_, size_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  const std::byte* data() const { return start_; }

 private:
  std::byte* mapping_;
  std::byte* start_;
  std::size_t size_;
};

// Where the halves lie in a block.
std::vector<std::size_t> half_offsets(TensorType type) {
  using enum TensorType;
  switch (type) {
    case Q4_1:
    case Q5_1:
    case Q4_K:
    case Q5_K:
      return {0, 2};
    case Q2_K:
      return {80, 82};
    case Q3_K:
      return {108};
    case Q6_K:
      return {208};
    default:
      return {0};
  }
}

enum class Content { random, zero_scales, largest, negative, subnormal, all_bits_set, mixed };
constexpr Content kContents[] = {Content::random,   Content::zero_scales, Content::largest,
                                 Content::negative, Content::subnormal,   Content::all_bits_set,
                                 Content::mixed};

std::uint16_t half_for(Content content, Random& random) {
  std::normal_distribution<float> normal(0.0F, 0.02F);
  switch (content) {
    case Content::zero_scales:
      return random() % 2 == 0 ? 0x0000 : 0x8000;
    case Content::largest:
      return random() % 2 == 0 ? 0x7bff : 0xfbff;
    case Content::negative:
      return float_to_half(-std::fabs(normal(random)));
    case Content::subnormal:
      return static_cast<std::uint16_t>(((random() % 2) << 15) | (1 + random() % 1023));
    case Content::mixed:
      return half_for(kContents[random() % 6], random);
    default:
      return float_to_half(normal(random));
  }
}

std::vector<std::byte> quantised_blocks(TensorType type, std::size_t blocks, Content content,
                                        Random& random) {
  const std::size_t size = info(type).block_bytes;
  std::vector<std::byte> bytes(blocks * size);
  for (auto& byte : bytes) {
    byte = content == Content::all_bits_set ? std::byte{255} : static_cast<std::byte>(random());
  }
  for (std::size_t b = 0; b < blocks; ++b) {
    for (const std::size_t offset : half_offsets(type)) {
      const std::uint16_t half = half_for(content, random);
      std::memcpy(bytes.data() + b * size + offset, &half, sizeof half);
    }
  }
  return bytes;
}

// Finite floats of all magnitudes that leave room for sums.
std::vector<std::byte> float_weights(TensorType type, std::size_t count, Content content,
                                     Random& random) {
  std::normal_distribution<float> normal(0.0F, 0.02F);
  const std::size_t size = info(type).block_bytes;
  std::vector<std::byte> bytes(count * size);
  for (std::size_t i = 0; i < count; ++i) {
    float value = normal(random);
    if (content == Content::zero_scales) value = 0.0F;
    if (content == Content::negative) value = -std::fabs(value);
    if (content == Content::largest) value = type == TensorType::F16 ? -65504.0F : 1e30F;
    if (content == Content::subnormal) value *= type == TensorType::F16 ? 1e-5F : 1e-38F;
    const std::uint16_t sixteen =
        type == TensorType::F16 ? float_to_half(value) : float_to_bfloat(value);
    if (size == 4) {
      std::memcpy(bytes.data() + 4 * i, &value, 4);
    } else {
      std::memcpy(bytes.data() + 2 * i, &sixteen, 2);
    }
  }
  return bytes;
}

std::vector<std::byte> make_weights(TensorType type, std::size_t rows, std::size_t cols,
                                    Content content, Random& random) {
  const std::size_t elements = info(type).block_elements;
  if (elements == 1) return float_weights(type, rows * cols, content, random);
  return quantised_blocks(type, rows * cols / elements, content, random);
}

// Each 32 values rounded to int8 with a scale.
std::vector<double> rounded(const std::vector<float>& x) {
  std::vector<double> out(x.size());
  for (std::size_t start = 0; start < x.size(); start += 32) {
    float largest = 0;
    for (std::size_t i = start; i < start + 32; ++i) largest = std::max(largest, std::fabs(x[i]));
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
  out = rounded(x);
  if (!form.two_terms) return out;
  std::vector<float> left(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) left[i] = static_cast<float>(x[i] - out[i]);
  const std::vector<double> second = rounded(left);
  for (std::size_t i = 0; i < x.size(); ++i) out[i] += second[i];
  return out;
}

struct Problem {
  TensorType type;
  std::size_t rows, cols, n;
  std::vector<std::byte> weights;
  std::vector<std::vector<float>> x;
  bool two_terms = false;
  MatMulShape shape() const { return {type, rows, cols, two_terms}; }
};

Problem make_problem(TensorType type, std::size_t rows, std::size_t cols, std::size_t n,
                     Content content) {
  Random random(static_cast<unsigned>(1000 * cols + 10 * n) + static_cast<unsigned>(content));
  Problem problem{type, rows, cols, n, make_weights(type, rows, cols, content, random), {}};
  std::normal_distribution<float> normal(0.0F, 1.0F);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<float> row(cols);
    for (auto& value : row) value = normal(random);
    if (cols >= 64 && i % 3 == 1) std::fill(row.begin(), row.begin() + 32, 0.0F);
    if (i % 3 == 2) row[cols / 2] = 300.0F;  // one outlier takes a group's range
    problem.x.push_back(std::move(row));
  }
  return problem;
}

// The product, the rows divided at `cuts`; y has a pitch wider than the rows.
std::vector<float> run(Isa isa, const Problem& problem, const std::vector<std::size_t>& cuts,
                       ReadOrder order = ReadOrder::many_streams) {
  const MatMul matmul(isa, order);
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

void expect_exact(Isa isa, const Problem& problem) {
  const std::size_t rows = problem.rows;
  const auto y = run(isa, problem, {rows});
  const auto divided = run(isa, problem, {1, rows / 2 + 1, rows});
  const auto by_twos = run(isa, problem, {rows / 3, rows}, ReadOrder::two_streams);
  const InputForm form = MatMul(isa).form(problem.shape(), problem.n);
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
    }
  }
  for (std::size_t i = 0; i < problem.n; ++i) {
    for (std::size_t r = rows; r < rows + 3; ++r) {
      ASSERT_EQ(y[i * (rows + 3) + r], -12345.0F) << "wrote beyond the rows";
    }
  }
}

class Kernels : public testing::TestWithParam<std::tuple<Isa, TensorType>> {
 protected:
  Isa isa() const { return std::get<0>(GetParam()); }
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
    expect_exact(isa(), make_problem(type(), 37, cols, 1, Content::random));
  }
}

TEST_P(Kernels, ExtremeBlocks) {
  for (const Content content : kContents) {
    SCOPED_TRACE(static_cast<int>(content));
    for (const std::size_t n : {1, 3, 20}) {
      expect_exact(isa(), make_problem(type(), 18, 512, n, content));
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
      expect_exact(isa(), problem);
    }
  }
}

TEST_P(Kernels, EveryNumberOfRows) {
  for (const std::size_t n : {2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 64}) {
    SCOPED_TRACE(n);
    expect_exact(isa(), make_problem(type(), 21, 768, n, Content::random));
  }
}

TEST_P(Kernels, PromptsAtEveryLength) {
  for (const std::size_t cols : lengths()) {
    SCOPED_TRACE(cols);
    expect_exact(isa(), make_problem(type(), 70, cols, 35, Content::random));
  }
}

// The second term is nearly all that the first left: the product is that of the values themselves.
TEST_P(Kernels, TwoTerms) {
  if (info(type()).block_elements == 1) return;
  for (const std::size_t n : {1, 2, 3, 4, 9, 40}) {
    SCOPED_TRACE(n);
    Problem problem = make_problem(type(), 70, 1536, n, Content::random);
    problem.two_terms = true;
    expect_exact(isa(), problem);
    const InputForm form = MatMul(isa()).form(problem.shape(), n);
    for (const auto& row : problem.x) {
      const std::vector<double> taken = as_prepared(form, row);
      for (std::size_t i = 0; i < row.size(); ++i) {
        const auto block = row.begin() + static_cast<std::ptrdiff_t>(i / 32 * 32);
        const auto [low, high] = std::minmax_element(block, block + 32);
        ASSERT_NEAR(taken[i], row[i], std::max(-*low, *high) / (254 * 250)) << i;
      }
    }
  }
}

// Work that the lab adds changes no bit of the results.
TEST_P(Kernels, TrialsLeaveResultsAlone) {
  const MatMul matmul(isa());
  if (!matmul.has_trial(type())) return;
  Problem problem = make_problem(type(), 37, 768, 1, Content::random);
  for (const bool two_terms : {false, info(type()).block_elements > 1}) {
    problem.two_terms = two_terms;
    const auto y = run(isa(), problem, {37});
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
    const bool vectors = isa == Isa::avx2 || isa == Isa::avx512;
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

INSTANTIATE_TEST_SUITE_P(All, Kernels,
                         testing::Combine(testing::ValuesIn(supported_isas()),
                                          testing::ValuesIn(types())),
                         [](const auto& param) {
                           return std::string(name(std::get<0>(param.param))) + "_" +
                                  std::string(name(std::get<1>(param.param)));
                         });

}  // namespace
}  // namespace ceiling::cpu
