// Sixteen numbers side by side: what the searches of quantisation compute with, in as many
// registers as the instruction set takes for them. Only operations that IEEE 754 fixes are used,
// and sums across lanes take a fixed tree, so that every processor gets the same bits.
//
// Internal linkage: this is compiled with different flags in different translation units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ceiling::quantising {
namespace {

constexpr int kLanes = 16;
#if defined(__AVX512F__)
constexpr int kPartLanes = 16;
#elif defined(__AVX2__)
constexpr int kPartLanes = 8;
#else
constexpr int kPartLanes = 4;
#endif
constexpr int kParts = kLanes / kPartLanes;

typedef float FloatPart __attribute__((vector_size(4 * kPartLanes)));
typedef std::int32_t IntPart __attribute__((vector_size(4 * kPartLanes)));

template <typename Number, typename Part>
struct Sixteen {
  Part part[kParts] = {};
  Number operator[](int lane) const { return part[lane / kPartLanes][lane % kPartLanes]; }
  void set(int lane, Number value) { part[lane / kPartLanes][lane % kPartLanes] = value; }
};
using Lanes = Sixteen<float, FloatPart>;
using LaneInts = Sixteen<std::int32_t, IntPart>;
using Mask = LaneInts;  // 0 or -1

template <typename Out, typename Function>
inline Out each_part(Function function) {
  Out out;
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) out.part[p] = function(p);
  return out;
}

inline Lanes splat(float value) {
  return each_part<Lanes>([=](int) { return FloatPart{} + value; });
}
inline Lanes load(const float* values) {
  Lanes out;
  std::memcpy(out.part, values, sizeof out.part);
  return out;
}

#define CEILING_LANES_OPERATOR(op, Out)                                      \
  inline Out operator op(const Lanes& a, const Lanes& b) {                   \
    return each_part<Out>([&](int p) { return a.part[p] op b.part[p]; });    \
  }                                                                          \
  inline auto operator op(const Lanes& a, float b) { return a op splat(b); } \
  inline auto operator op(float a, const Lanes& b) { return splat(a) op b; }
CEILING_LANES_OPERATOR(+, Lanes)
CEILING_LANES_OPERATOR(-, Lanes)
CEILING_LANES_OPERATOR(*, Lanes)
CEILING_LANES_OPERATOR(/, Lanes)
CEILING_LANES_OPERATOR(<, Mask)
CEILING_LANES_OPERATOR(<=, Mask)
CEILING_LANES_OPERATOR(>, Mask)
CEILING_LANES_OPERATOR(>=, Mask)
CEILING_LANES_OPERATOR(==, Mask)
CEILING_LANES_OPERATOR(!=, Mask)
#undef CEILING_LANES_OPERATOR

inline Lanes operator-(const Lanes& a) {
  return each_part<Lanes>([&](int p) { return -a.part[p]; });
}
inline Lanes& operator+=(Lanes& a, const Lanes& b) { return a = a + b; }
inline Mask operator&(const Mask& a, const Mask& b) {
  return each_part<Mask>([&](int p) { return a.part[p] & b.part[p]; });
}
inline Mask operator|(const Mask& a, const Mask& b) {
  return each_part<Mask>([&](int p) { return a.part[p] | b.part[p]; });
}
inline Mask& operator&=(Mask& a, const Mask& b) { return a = a & b; }

// Lane by lane: a where the mask is set, else b.
inline Lanes select(const Mask& mask, const Lanes& a, const Lanes& b) {
  return each_part<Lanes>([&](int p) { return mask.part[p] ? a.part[p] : b.part[p]; });
}
inline bool any(const Mask& mask) {
  std::int32_t all = 0;
  for (int lane = 0; lane < kLanes; ++lane) all |= mask[lane];
  return all != 0;
}

// A function of the bits of each lane, or of two numbers' bits.
template <typename Function>
inline Lanes by_bits(const Lanes& a, Function function) {
  return each_part<Lanes>([&](int p) {
    return __builtin_bit_cast(FloatPart, function(__builtin_bit_cast(IntPart, a.part[p])));
  });
}
inline Lanes magnitude(const Lanes& v) {
  return by_bits(v, [](IntPart bits) { return bits & INT32_MAX; });
}
inline Lanes with_sign_of(const Lanes& size, const Lanes& sign) {
  return each_part<Lanes>([&](int p) {
    const auto bits = __builtin_bit_cast(IntPart, size.part[p]);
    const auto signs = __builtin_bit_cast(IntPart, sign.part[p]);
    return __builtin_bit_cast(FloatPart, bits | (signs & INT32_MIN));
  });
}

inline Lanes smaller(const Lanes& a, const Lanes& b) { return select(b < a, b, a); }
inline Lanes larger(const Lanes& a, const Lanes& b) { return select(a < b, b, a); }
inline Lanes clamp(const Lanes& v, float low, float high) {
  return smaller(larger(v, splat(low)), splat(high));
}

// Nearest integers, ties to even, for |v| < 2^22.
inline Lanes round_to_integer(const Lanes& v) {
  constexpr float magic = 12582912.0f;
  return (v + magic) - magic;
}

// 1 / scale; 0 for a scale so small that all weights are zeros beside it (and 1 / scale may
// overflow).
inline Lanes inverse_of(const Lanes& scale) {
  return select(magnitude(scale) < 1e-30f, splat(0), 1.0f / scale);
}

// Lane i of the result is lane i ^ distance.
template <int distance>
Lanes exchanged(const Lanes& v) {
  if constexpr (distance >= kPartLanes) {
    return each_part<Lanes>([&](int p) { return v.part[p ^ (distance / kPartLanes)]; });
  } else {
    return each_part<Lanes>([&](int p) {
      IntPart places;
      for (int i = 0; i < kPartLanes; ++i) places[i] = i ^ distance;
      FloatPart out;
      for (int i = 0; i < kPartLanes; ++i) out[i] = v.part[p][places[i]];
      return out;
    });
  }
}

// Joins each `group` neighbouring lanes (1, 8 or 16) by an operation that does not mind which of
// its operands is which; all of them hold the result.
template <int group, typename Join>
Lanes across(Lanes v, Join join) {
  static_assert(group == 1 || group == 8 || group == 16);
  if constexpr (group >= 8) {
    v = join(v, exchanged<4>(v));
    v = join(v, exchanged<2>(v));
    v = join(v, exchanged<1>(v));
  }
  if constexpr (group == 16) v = join(v, exchanged<8>(v));
  return v;
}
template <int group>
Lanes sum_across(const Lanes& v) {
  return across<group>(v, [](const Lanes& a, const Lanes& b) { return a + b; });
}

// ---- Halves (quant/half.h), as floats that hold their values ----

constexpr float kLargestHalf = 65504.0f;
constexpr float kLeastHalf = 0x1p-24f;

// The half nearest to each value, ties to even; the largest finite one beyond the range.
inline Lanes round_to_half(const Lanes& v) {
  const Lanes size = smaller(magnitude(v), splat(kLargestHalf));
  const Lanes normal =
      by_bits(size, [](IntPart bits) { return (bits + 0xfff + ((bits >> 13) & 1)) & ~0x1fff; });
  const Lanes subnormal = (size + 0.5f) - 0.5f;  // the addition rounds to multiples of 2^-24
  return with_sign_of(select(size < 0x1p-14f, subnormal, normal), v);
}

// As round_to_half(), but never zero for a value that is not.
inline Lanes round_to_half_not_zero(const Lanes& v) {
  const Lanes half = round_to_half(v);
  return select((half == 0.0f) & (v != 0.0f), with_sign_of(splat(kLeastHalf), v), half);
}

// The half `step` (-1, 0, 1) steps of magnitude away; the same where there is none.
inline Lanes neighbour_half(const Lanes& half, int step) {
  const Lanes size = magnitude(half);
  const Lanes subnormal = size + static_cast<float>(step) * kLeastHalf;
  const Lanes normal = by_bits(size, [step](IntPart bits) { return bits + step * 0x2000; });
  const float turn = step < 0 ? 0x1p-14f + kLeastHalf / 2 : 0x1p-14f;
  const Lanes next = select(size < turn, subnormal, normal);
  return select((next >= 0.0f) & (next <= kLargestHalf), with_sign_of(next, half), half);
}

}  // namespace
}  // namespace ceiling::quantising
