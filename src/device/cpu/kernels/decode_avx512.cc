// AVX-512 with VNNI for one and a few rows of activations: the weights stream by once, a row at a
// time in ascending addresses, and each decoded block meets all activations.
#include "device/cpu/kernels/avx512/entries.h"
#include "device/cpu/kernels/avx512/floats.h"
#include "device/cpu/kernels/avx512/iq4_xs.h"
#include "device/cpu/kernels/avx512/small_blocks.h"
#include "device/cpu/kernels/avx512/super_blocks.h"

namespace ceiling::cpu {
namespace {

// Rows whose sums across lanes are taken together.
constexpr std::size_t kRowsTogether = 16;

// Activations first .. first + n - 1 for all rows of the product.
template <typename Row, int n>
void rows_times(const Product& p, std::size_t first) {
  using Group = typename Row::Group;
  const Row kernel{};
  const Group* x[n];
  for (int i = 0; i < n; ++i) {
    x[i] = reinterpret_cast<const Group*>(p.prepared +
                                          (first + static_cast<std::size_t>(i)) * p.prepared_pitch);
  }
  auto w = reinterpret_cast<Address>(p.weights) + p.row_begin * p.row_bytes;
  for (std::size_t row = p.row_begin; row < p.row_end; row += kRowsTogether) {
    const std::size_t left = p.row_end - row;
    const std::size_t count = left < kRowsTogether ? left : kRowsTogether;
    __m512 sums[n][kRowsTogether];
    for (std::size_t r = 0; r < count; ++r, w += p.row_bytes) {
      __m512 total[n];
      for (int i = 0; i < n; ++i) total[i] = _mm512_setzero_ps();
      kernel.template product<n>(w, p.cols, x, total);
      for (int i = 0; i < n; ++i) sums[i][r] = total[i];
    }
    for (int i = 0; i < n; ++i) {
      for (std::size_t r = count; r < kRowsTogether; ++r) sums[i][r] = _mm512_setzero_ps();
      float* y = p.y + (first + static_cast<std::size_t>(i)) * p.y_pitch + row;
      const auto lanes = static_cast<__mmask16>((1u << count) - 1);
      _mm512_mask_storeu_ps(y, lanes, sum_each(sums[i]));
    }
  }
}

template <typename Row>
void multiply_all(const Product& p) {
  std::size_t first = 0;
  for (; first + 4 <= p.n; first += 4) rows_times<Row, 4>(p, first);
  if (p.n - first >= 2) {
    rows_times<Row, 2>(p, first);
    first += 2;
  }
  if (first < p.n) rows_times<Row, 1>(p, first);
}

}  // namespace

void multiply_few_avx512(const Product& p) {
  using enum TensorType;
  switch (p.type) {
    case F32:
      return multiply_all<FloatRow<StoredF32>>(p);
    case F16:
      return multiply_all<FloatRow<StoredF16>>(p);
    case BF16:
      return multiply_all<FloatRow<StoredBF16>>(p);
    case Q4_0:
      return multiply_all<SmallRow<SmallQ4_0>>(p);
    case Q4_1:
      return multiply_all<SmallRow<SmallQ4_1>>(p);
    case Q5_0:
      return multiply_all<SmallRow<SmallQ5_0>>(p);
    case Q5_1:
      return multiply_all<SmallRow<SmallQ5_1>>(p);
    case Q8_0:
      return multiply_all<SmallRow<SmallQ8_0>>(p);
    case IQ4_NL:
      return multiply_all<SmallRow<SmallIQ4_NL>>(p);
    case IQ4_XS:
      return multiply_all<RowIQ4_XS>(p);
    case Q4_K:
      return multiply_all<PairedRow<SuperQ4_K>>(p);
    case Q5_K:
      return multiply_all<PairedRow<SuperQ5_K>>(p);
    case Q2_K:
      return multiply_all<HalvedRow<SuperQ2_K>>(p);
    case Q3_K:
      return multiply_all<HalvedRow<SuperQ3_K>>(p);
    case Q6_K:
      return multiply_all<HalvedRow<SuperQ6_K>>(p);
  }
}

}  // namespace ceiling::cpu
