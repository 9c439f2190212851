// All types in plain C++: the fall-back, and the arithmetic that the other sets are checked by.
#include <algorithm>
#include <cstring>

#include "device/cpu/kernels/kernel_set.h"
#include "device/cpu/kernels/quantise_activations.h"
#include "device/cpu/kernels/unpack.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kTile = 8;  // rows of activations that one pass over the weights serves

bool is_float(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

Preparation preparation(TensorType type, std::size_t /*n*/) {
  return is_float(type) ? Preparation::f32 : Preparation::q8;
}

std::size_t prepared_bytes(Preparation preparation, std::size_t cols) {
  if (preparation == Preparation::q8) return PlainRow::bytes(cols);
  return round_up(cols * sizeof(float), 64);
}

void prepare(Preparation preparation, Term term, const float* x, std::size_t cols,
             std::byte* prepared) {
  if (preparation != Preparation::q8) {
    std::memcpy(prepared, x, cols * sizeof(float));
    return;
  }
  prepare_plain(term, x, cols, prepared);
}

template <int group>
int dot(const std::int8_t* a, const std::int8_t* b) {
  int total = 0;
  for (int i = 0; i < group; ++i) total += a[i] * b[i];
  return total;
}

// One block of weights times the columns of x that start at `column`.
template <typename Block>
float block_product(const Unpacked& block, const PlainRow& x, std::size_t column) {
  using L = Layout<Block>;
  float total = 0;
  for (int g = 0; g < L::kElements / L::kGroup; ++g) {
    const std::size_t c = column + static_cast<std::size_t>(g * L::kGroup);
    const float scale = x.scale[c / kScaled];
    float part =
        block.scale[g] * static_cast<float>(dot<L::kGroup>(block.q + g * L::kGroup, x.q + c));
    if constexpr (L::kHasMinimum) {
      int sum = x.sum[c / 16];
      if constexpr (L::kGroup == 32) sum += x.sum[c / 16 + 1];
      part -= block.minimum[g] * static_cast<float>(sum);
    }
    total += scale * part;
  }
  return total;
}

template <typename Block>
void multiply_row(const Product& p, std::size_t row, std::size_t first, std::size_t count) {
  constexpr std::size_t elements = Layout<Block>::kElements;
  const std::byte* weights = p.weights + row * p.row_bytes;
  float total[kTile] = {};
  for (std::size_t b = 0; b < p.cols / elements; ++b) {
    Block block;
    std::memcpy(&block, weights + b * sizeof(Block), sizeof(Block));
    Unpacked unpacked;
    unpack(block, unpacked);
    for (std::size_t i = 0; i < count; ++i) {
      const PlainRow x(p.prepared + (first + i) * p.prepared_pitch, p.cols);
      total[i] += block_product<Block>(unpacked, x, b * elements);
    }
  }
  for (std::size_t i = 0; i < count; ++i) p.y[(first + i) * p.y_pitch + row] = total[i];
}

float to_float(float value) { return value; }
struct Half {
  std::uint16_t bits;
};
float to_float(Half value) { return half_to_float(value.bits); }
struct BFloat {
  std::uint16_t bits;
};
float to_float(BFloat value) { return bfloat_to_float(value.bits); }

// Eight sums side by side, so that the order of additions is fixed and can be vectorised.
float float_dot(const float* a, const float* b, std::size_t n) {
  float lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (std::size_t l = 0; i + l < n; ++l) lanes[l] += a[i + l] * b[i + l];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

template <typename Stored>
void multiply_float_row(const Product& p, std::size_t row, std::size_t first, std::size_t count) {
  constexpr std::size_t chunk = 256;
  const std::byte* weights = p.weights + row * p.row_bytes;
  float total[kTile] = {};
  for (std::size_t c = 0; c < p.cols; c += chunk) {
    const std::size_t n = std::min(chunk, p.cols - c);
    Stored stored[chunk];
    std::memcpy(stored, weights + c * sizeof(Stored), n * sizeof(Stored));
    float w[chunk];
    for (std::size_t i = 0; i < n; ++i) w[i] = to_float(stored[i]);
    for (std::size_t i = 0; i < count; ++i) {
      const auto* x = reinterpret_cast<const float*>(p.prepared + (first + i) * p.prepared_pitch);
      total[i] += float_dot(w, x + c, n);
    }
  }
  for (std::size_t i = 0; i < count; ++i) p.y[(first + i) * p.y_pitch + row] = total[i];
}

using RowFunction = void (*)(const Product&, std::size_t row, std::size_t first, std::size_t count);

RowFunction row_function(TensorType type) {
  using enum TensorType;
  switch (type) {
    case F32:
      return multiply_float_row<float>;
    case F16:
      return multiply_float_row<Half>;
    case BF16:
      return multiply_float_row<BFloat>;
    case Q4_0:
      return multiply_row<BlockQ4_0>;
    case Q4_1:
      return multiply_row<BlockQ4_1>;
    case Q5_0:
      return multiply_row<BlockQ5_0>;
    case Q5_1:
      return multiply_row<BlockQ5_1>;
    case Q8_0:
      return multiply_row<BlockQ8_0>;
    case Q2_K:
      return multiply_row<BlockQ2_K>;
    case Q3_K:
      return multiply_row<BlockQ3_K>;
    case Q4_K:
      return multiply_row<BlockQ4_K>;
    case Q5_K:
      return multiply_row<BlockQ5_K>;
    case Q6_K:
      return multiply_row<BlockQ6_K>;
    case IQ4_NL:
      return multiply_row<BlockIQ4_NL>;
    case IQ4_XS:
      return multiply_row<BlockIQ4_XS>;
  }
  return nullptr;
}

void multiply(const Product& p) {
  const RowFunction function = row_function(p.type);
  for (std::size_t row = p.row_begin; row < p.row_end; ++row) {
    for (std::size_t first = 0; first < p.n; first += kTile) {
      function(p, row, first, std::min(kTile, p.n - first));
    }
  }
}

std::size_t workspace_bytes(const MatMulShape& /*shape*/, std::size_t /*n*/) { return 0; }
std::size_t row_granule(const MatMulShape& /*shape*/, std::size_t /*n*/) { return 1; }

}  // namespace

const KernelSet& portable_kernels() {
  static constexpr KernelSet set{.preparation = preparation,
                                 .prepared_bytes = prepared_bytes,
                                 .prepare = prepare,
                                 .workspace_bytes = workspace_bytes,
                                 .multiply = multiply,
                                 .row_granule = row_granule};
  return set;
}

}  // namespace ceiling::cpu
