// How activations of quantised products lie in memory. Columns become int8 with one float32 scale
// for each 32 (x[i] ~ scale * q[i]), permuted so that a kernel reads them in the order in which a
// plain load of the weights' bits delivers their columns. Scales and sums stand beside the columns
// that they belong to, so that one stream of addresses serves a product.
//
// A "block" here is 32 columns. Sums are of the int8 values; they pay for the types' offsets and
// minimums. Columns beyond the row (a last group half filled) are zero, their scales too.
//
// Internal linkage: this is compiled with different flags in different translation units.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ceiling::cpu {
namespace {

constexpr std::size_t kScaled = 32;  // columns that share a scale

// Up to so many rows of activations, what decoding a block costs decides; beyond, what each of the
// rows costs.
constexpr std::size_t kRowsOfDecoding = 2;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Column order, for portable kernels and prompts. One row: [cols] q, [cols / 32] scale,
// [cols / 16] sum; cols is a multiple of 32.
struct PlainRow {
  const std::int8_t* q;
  const float* scale;
  const std::int16_t* sum;  // of 16 columns each

  PlainRow(const std::byte* prepared, std::size_t cols)
      : q(reinterpret_cast<const std::int8_t*>(prepared)),
        scale(reinterpret_cast<const float*>(prepared + cols)),
        sum(reinterpret_cast<const std::int16_t*>(prepared + cols + cols / kScaled * 4)) {}
  static std::size_t bytes(std::size_t cols) { return round_up(cols + cols / 4, 64); }
};

// 16 blocks, for the types with blocks of 32 weights and IQ4_XS. Four quads of four blocks: the
// first 16 columns of each block of the quad, then the last 16 of each. Scales of block 4k + l at
// 4l + k: the order in which a tree of additions leaves the blocks' sums.
struct SmallGroup {
  static constexpr std::size_t kColumns = 512;
  std::int8_t q[512];
  float scale[16];
  std::int32_t sum[16];
};

// A super-block for Q4_K and Q5_K: the 64-bit pieces of nibbles from the first 64 weights' bytes
// and the third's alternate, as do those of the second's and the fourth's.
// [even pieces, low nibbles][odd, low][even, high][odd, high]
struct PairedGroup {
  static constexpr std::size_t kColumns = 256;
  std::int8_t q[256];
  float scale[16];      // of blocks 0 4 1 5  0 4 1 5  2 6 3 7  2 6 3 7
  float scaled_sum[8];  // scale * sum, in column order
  float unused[8];
};

// A super-block for Q2_K, Q3_K and Q6_K: for s in 0..3 the blocks s and 4 + s.
struct HalvedGroup {
  static constexpr std::size_t kColumns = 256;
  std::int8_t q[256];
  float scale[16];       // of blocks 0 1 2 3  0 1 2 3  4 5 6 7  4 5 6 7
  std::int16_t sum[16];  // of 16 columns each, in column order
  float unused[8];
};

// A super-block for AVX-512: register k of four holds, in its 32-bit lane g, columns 4k .. 4k + 3
// of group g, so that the products of all four add up in the lane of their group (16 columns).
struct LanedGroup {
  static constexpr std::size_t kColumns = 256;
  std::int8_t q[256];    // [k][g][4]
  float scale[16];       // by group
  float scaled_sum[16];  // scale * sum of the group's q
};

// Nested scales, for one and two rows of activations by AVX-512: x[i] ~ scale * step * q[i], a
// scale for each super-block and an integer step, 0 to 127, for each 32 columns of it. So steps and
// the weights' own scales multiply as integers, and one float32 settles a super-block. Rounding up
// to whole steps coarsens no block by more than 1/127 of what the one with the largest values is
// rounded by.
//
// Two super-blocks for Q4_K and Q5_K; the second is zero where a row ends before it.
struct NestedPair {
  static constexpr std::size_t kColumns = 512;
  std::int8_t q[512];     // of each super-block the pieces as in PairedGroup
  std::int16_t step[16];  // by block, in column order
  std::int16_t sum[16];   // of a block's q
  float scale[4];         // of the first super-block, twice, and of the second
  float unused[12];
};

// A super-block for Q6_K, in column order.
struct NestedGroup {
  static constexpr std::size_t kColumns = 256;
  std::int8_t q[256];
  std::int16_t step[16];  // by 16 columns: of each block twice
  std::int16_t sum[16];   // of 16 columns' q
  float scale[4];         // four times the same
  float unused[12];
};

// The same for Q2_K and Q3_K, but the columns as in HalvedGroup.
struct NestedHalvedGroup : NestedGroup {};

// For prompts: 32 columns as a row-by-row product reads them. The negated sums of all 32 columns,
// of the first 16 and of the last 16.
struct RowBlock {
  static constexpr std::size_t kColumns = 32;
  std::int8_t q[32];
  float scale;
  std::int32_t less, less_first, less_last;
};

static_assert(sizeof(RowBlock) == 48);
static_assert(sizeof(SmallGroup) == 640 && sizeof(PairedGroup) == 384 &&
              sizeof(HalvedGroup) == 384 && sizeof(LanedGroup) == 384 &&
              sizeof(NestedPair) == 640 && sizeof(NestedGroup) == 384);

template <typename Group>
constexpr std::size_t grouped_bytes(std::size_t cols) {
  return round_up(cols, Group::kColumns) / Group::kColumns * sizeof(Group);
}

}  // namespace
}  // namespace ceiling::cpu
