// Rows of Q2_K to Q6_K for one and two rows of activations, whose scales are nested (prepared.h).
// For more rows of activations LanedBlock (super_rows.h) costs less.
//
// A block of 256 weights becomes four registers of unsigned bytes. Sums of eight products of Q4_K
// and Q5_K (31 * 127 * 8), and of four of the others (63 * 127 * 4), fit 16 bits, so two registers
// of sums become one; one instruction then multiplies them by the weights' scales times the
// activations' steps, integers of 16 bits as well, and adds two to 32 bits, which hold all four
// that meet (4 * 63 * 127 * 4 * 128 * 127). So all of that is exact, and a float32 multiplication
// settles a block.
#pragma once

#include <utility>

#include "device/cpu/kernels/avx512/super_rows.h"
#include "device/cpu/kernels/prepared.h"
#include "device/cpu/kernels/row_shapes.h"

namespace ceiling::cpu {
namespace {

// In each 16-bit lane of joined sums, the group of its scale: `place` of the lane, and `add`.
template <int (*place)(int), int add>
inline __m512i places_of_scales() {
  static constexpr Words kWords =
      make_words([](int word) { return static_cast<short>(add + place(word)); });
  return _mm512_load_si512(&kWords);
}

// The sums of four products in each 32-bit lane.
inline __m512i dot_fours(__m512i sums, __m512i weights, const std::int8_t* x) {
  return _mm512_dpbusd_epi32(sums, weights, _mm512_load_si512(x));
}

// Four floats in memory, from where they are broadcast without work for the vector units.
struct ScaledFactors {
  alignas(16) float value[4];
  explicit ScaledFactors(__m128 factors) {
    _mm_store_ps(value, factors);
    asm("" : "+m"(value));
  }
  __m512 all(std::size_t i) const { return _mm512_set1_ps(value[i]); }
};

// Rows of weights side by side: the sums of eight would not stay in registers.
constexpr int kNestedStreams = 4;

// What is taken from the sums, `kWeight` times, is summed apart.
template <int n, int kWeight>
struct NestedSums {
  __m512 total[n];
  __m256 less[n];
  NestedSums() {
    for (auto& sum : total) sum = _mm512_setzero_ps();
    for (auto& sum : less) sum = _mm256_setzero_ps();
  }
  __m512 lanes(int i) const {
    return _mm512_fnmadd_ps(_mm512_zextps256_ps512(less[i]), _mm512_set1_ps(kWeight), total[i]);
  }
};

// The 6-bit scales and minimums of two blocks, from their first 16 bytes, 128 bits each: the
// minimums of groups 0 to 7, then the scales. Layout: quant/blocks.h, unpack_scales.
inline __m256i unpack_six_bits_of_two(Address first, Address second) {
  const __m256i headers =
      _mm256_inserti128_si256(_mm256_castsi128_si256(load128(first)), load128(second), 1);
  const __m256i low_bytes = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 12, 13, 14, 15));
  const __m256i high_bytes = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(-1, -1, -1, -1, 8, 9, 10, 11, -1, -1, -1, -1, 4, 5, 6, 7));
  const __m256i low_bits =
      _mm256_broadcastsi128_si256(_mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
  const __m256i shifts = _mm256_broadcastsi128_si256(_mm_setr_epi32(0, 4, 0, 0));
  const __m256i low = _mm256_and_si256(
      _mm256_srlv_epi32(_mm256_shuffle_epi8(headers, low_bytes), shifts), low_bits);
  const __m256i high = _mm256_srli_epi16(_mm256_shuffle_epi8(headers, high_bytes), 2);
  // low | (high & 0x30)
  return _mm256_ternarylogic_epi32(low, high, _mm256_set1_epi8(0x30), 0xf8);
}

// Two blocks a step of Q4_K or Q5_K (SuperQ4_K, SuperQ5_K): their scales are decoded together.
template <typename Type>
struct NestedPairRow {
  using Simd = Simd512;
  using Group = NestedPair;
  template <int n>
  using Sums = NestedSums<n, 1>;
  static constexpr std::size_t kColumns = Group::kColumns;
  static constexpr std::size_t kBytes = 2 * Type::kBytes;
  static constexpr int kStreams = kNestedStreams;
  static constexpr int kLongStreams = kNestedStreams;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    const Address second = w + Type::kBytes;
    const Scales<n> scales(w, second, load32(second), x, sums);
    add<n, 0>(w, scales, x, sums);
    add<n, 1>(second, scales, x, sums);
  }

  // One block is left.
  template <int n>
  void last(Address w, std::size_t, const Group* const* x, Sums<n>& sums) const {
    add<n, 0>(w, Scales<n>(w, w, 0, x, sums), x, sums);
  }

 private:
  // The group of a 16-bit lane: two each of g, g + 4, g + 1 and g + 5.
  static constexpr int place(int word) { return word / 16 * 2 + word % 8 / 4 + word % 4 / 2 * 4; }

  template <int n>
  struct Scales {
    __m512i value[n];  // weights' scales times activations' steps; of both blocks, by group
    ScaledFactors factors[n];

    // Takes away the minimums.
    Scales(Address first, Address second, std::int32_t second_halves, const Group* const* x,
           Sums<n>& sums)
        : Scales(_mm_cvtph_ps(_mm_insert_epi32(_mm_cvtsi32_si128(load32(first)), second_halves, 1)),
                 unpack_six_bits_of_two(first, second), x, sums, std::make_index_sequence<n>()) {}

    template <std::size_t... i>
    Scales(__m128 halves, __m256i bytes, const Group* const* x, Sums<n>& sums,
           std::index_sequence<i...>)
        : factors{ScaledFactors(_mm_mul_ps(halves, _mm_load_ps(x[i]->scale)))...} {
      const __m256i minimums = _mm256_unpacklo_epi8(bytes, _mm256_setzero_si256());
      const __m256i scales = _mm256_unpackhi_epi8(bytes, _mm256_setzero_si256());
      const __m256i places = _mm256_setr_epi32(1, 1, 1, 1, 3, 3, 3, 3);
      for (int r = 0; r < n; ++r) {
        const __m256i steps = load256(x[r]->step);
        value[r] = _mm512_castsi256_si512(_mm256_mullo_epi16(scales, steps));
        const __m256i less =
            _mm256_madd_epi16(_mm256_mullo_epi16(minimums, steps), load256(x[r]->sum));
        const __m128 each = _mm_load_ps(factors[r].value);
        sums.less[r] = _mm256_fmadd_ps(
            _mm256_cvtepi32_ps(less),
            _mm256_permutevar8x32_ps(_mm256_castps128_ps256(each), places), sums.less[r]);
      }
    }
  };

  template <int n, int block>
  static void add(Address w, const Scales<n>& scales, const Group* const* x, Sums<n>& sums) {
    PairedWeights weights;
    Type::load_bytes(w, weights);
    for (int i = 0; i < n; ++i) {
      const std::int8_t* q = x[i]->q + std::size_t{256} * block;
      const __m512i zero = _mm512_setzero_si512();
      const __m512i low = dot_fours(dot_fours(zero, weights.low[0], q), weights.low[1], q + 64);
      const __m512i high =
          dot_fours(dot_fours(zero, weights.high[0], q + 128), weights.high[1], q + 192);
      const __m512i scale =
          _mm512_permutexvar_epi16(places_of_scales<place, 8 * block>(), scales.value[i]);
      const __m512i dot = _mm512_madd_epi16(_mm512_packs_epi32(low, high), scale);
      sums.total[i] =
          _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scales.factors[i].all(2 * block), sums.total[i]);
    }
  }
};

// Four registers of weights of 16 groups. place(word) is the group of a 16-bit lane of the joined
// sums of the first two: four each of two groups; kBack is how many later that of the others is.
//
// Q2_K and Q3_K as SuperQ2_K and SuperQ3_K decode them: register s has groups 2s, 2s + 1, 8 + 2s
// and 9 + 2s.
template <typename Super>
struct NestedHalves : Super {
  using Group = NestedHalvedGroup;
  static constexpr int kBack = 4;
  static constexpr int place(int word) {
    const int lane = word / 8;
    return lane / 2 * 8 + lane % 2 + word % 8 / 4 * 2;
  }
  static void load(Address w, __m512i (&q)[4]) {
    HalvedWeights weights;
    Super::load_bytes(w, weights);
    for (int s = 0; s < 4; ++s) q[s] = weights.q[s];
  }
};

// Q6_K in column order, which a plain load of the nibbles leaves.
struct NestedQ6_K : SuperQ6_K {
  using Group = NestedGroup;
  static constexpr int kBack = 8;
  static constexpr int place(int word) { return word / 8 + word % 8 / 4 * 4; }
  static void load(Address w, __m512i (&q)[4]) {
    set(q[0], q[1], load512(w), load256(w + 128));
    set(q[2], q[3], load512(w + 64), load256(w + 160));
  }

 private:
  // Low and high nibbles of 64 bytes; of 32 bytes, each with two bits for columns c, c + 32, c + 64
  // and c + 96.
  static void set(__m512i& low, __m512i& high, __m512i nibbles, __m256i bits) {
    const __m512i kept = keep(nibbles);
    const __m512i twice = keep(_mm512_broadcast_i64x4(bits));
    low = join(kept, _mm512_rolv_epi64(twice, _mm512_setr_epi64(4, 4, 4, 4, 2, 2, 2, 2)));
    high = join(_mm512_srli_epi16(kept, 4),
                _mm512_srlv_epi64(twice, _mm512_setr_epi64(0, 0, 0, 0, 2, 2, 2, 2)));
  }
  // (nibbles & 15) | (upper & 0x30)
  static __m512i join(__m512i nibbles, __m512i upper) {
    return _mm512_ternarylogic_epi32(_mm512_and_si512(upper, _mm512_set1_epi8(0x30)), nibbles,
                                     _mm512_set1_epi8(15), 0xf8);
  }
};

// A block a step of such a type.
template <typename Type>
struct NestedRow {
  using Simd = Simd512;
  using Group = typename Type::Group;
  template <int n>
  using Sums = NestedSums<n, Type::kHasMinimum ? 1 : Type::kOffset>;
  static constexpr std::size_t kColumns = Group::kColumns;
  static constexpr std::size_t kBytes = Type::kBytes;
  static constexpr int kStreams = kNestedStreams;
  static constexpr int kLongStreams = kNestedStreams;

  template <int n>
  void step(Address w, const Group* const* x, Sums<n>& sums) const {
    __m512i weights[4];
    Type::load(w, weights);
    const ScaleBytes bytes = Type::load_scale_bytes(w);
    const __m256i scales = _mm256_cvtepi8_epi16(bytes.scale);
    // A block ends with its factor, and that of its minimums where there are any.
    const __m128 halves = _mm_cvtph_ps(_mm_loadu_si64(w + kBytes - 8));
    constexpr std::size_t of_scale = Type::kHasMinimum ? 2 : 3;
    for (int i = 0; i < n; ++i) {
      const ScaledFactors factors(_mm_mul_ps(halves, _mm_load_ps(x[i]->scale)));
      const __m256i steps = load256(x[i]->step);
      const __m256i scale = _mm256_mullo_epi16(scales, steps);
      __m256i taken = scale;
      if constexpr (Type::kHasMinimum) {
        taken = _mm256_mullo_epi16(_mm256_cvtepi8_epi16(bytes.minimum), steps);
      }
      const __m256i less = _mm256_madd_epi16(taken, load256(x[i]->sum));
      sums.less[i] =
          _mm256_fmadd_ps(_mm256_cvtepi32_ps(less), _mm256_set1_ps(factors.value[3]), sums.less[i]);
      const __m512i dot = dots<1>(weights, x[i]->q, scale,
                                  dots<0>(weights, x[i]->q, scale, _mm512_setzero_si512()));
      sums.total[i] =
          _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), factors.all(of_scale), sums.total[i]);
    }
  }
  template <int n>
  void last(Address, std::size_t, const Group* const*, Sums<n>&) const {}

 private:
  // Adds the products of the first or the last two registers.
  template <int last>
  static __m512i dots(const __m512i (&weights)[4], const std::int8_t* q, __m256i scale,
                      __m512i sums) {
    constexpr std::size_t k = last == 0 ? 0 : 2;
    const __m512i zero = _mm512_setzero_si512();
    const __m512i joined = _mm512_packs_epi32(dot_fours(zero, weights[k], q + 64 * k),
                                              dot_fours(zero, weights[k + 1], q + 64 * k + 64));
    const __m512i places = places_of_scales<Type::place, Type::kBack * last>();
    return _mm512_dpwssd_epi32(sums, joined,
                               _mm512_permutexvar_epi16(places, _mm512_castsi256_si512(scale)));
  }
};

}  // namespace
}  // namespace ceiling::cpu
