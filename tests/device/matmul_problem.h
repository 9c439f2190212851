// Matrix products to test kernels with: weights random and extreme, in blocks that end where memory
// ends, and rows of activations.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "device/cpu/matmul.h"
#include "quant/dequantise.h"

namespace ceiling::cpu::test {

using Random = std::mt19937;

// 64-byte aligned bytes, not-a-number as floats: whoever reads what was not written shows it.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t size) : storage_(size + 64, std::byte{255}) {
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
inline std::vector<std::size_t> half_offsets(TensorType type) {
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

inline std::uint16_t half_for(Content content, Random& random) {
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

inline std::vector<std::byte> quantised_blocks(TensorType type, std::size_t blocks, Content content,
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
inline std::vector<std::byte> float_weights(TensorType type, std::size_t count, Content content,
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

inline std::vector<std::byte> make_weights(TensorType type, std::size_t rows, std::size_t cols,
                                           Content content, Random& random) {
  const std::size_t elements = info(type).block_elements;
  if (elements == 1) return float_weights(type, rows * cols, content, random);
  return quantised_blocks(type, rows * cols / elements, content, random);
}

struct Problem {
  TensorType type;
  std::size_t rows, cols, n;
  std::vector<std::byte> weights;
  std::vector<std::vector<float>> x;
  bool two_terms = false;
  MatMulShape shape() const { return {type, rows, cols, two_terms}; }
};

inline Problem make_problem(TensorType type, std::size_t rows, std::size_t cols, std::size_t n,
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

}  // namespace ceiling::cpu::test
