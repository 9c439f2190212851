#include "device/reference/arithmetic.h"

#include <algorithm>

#include "base/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ceiling::reference {
namespace {

constexpr std::size_t kRun = 512;  // columns added up in float32
constexpr std::size_t kLanes = 8;

double run_portable(const float* a, const float* b, std::size_t n) {
  float lanes[kLanes] = {};
  std::size_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += a[c + l] * b[c + l];
  }
  double sum = 0;
  for (const float lane : lanes) sum += lane;
  for (; c < n; ++c) sum += static_cast<double>(a[c]) * b[c];
  return sum;
}

double dot_portable(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t c = 0; c < n; c += kRun)
    sum += run_portable(a + c, b + c, std::min(kRun, n - c));
  return sum;
}

#if defined(__x86_64__)

constexpr std::size_t kTileRows = 4;

__attribute__((target("avx2,fma"))) double sum_of(__m256 lanes) {
  const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(lanes));
  const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(lanes, 1));
  alignas(32) double parts[4];
  _mm256_store_pd(parts, _mm256_add_pd(low, high));
  return (parts[0] + parts[2]) + (parts[1] + parts[3]);
}

__attribute__((target("avx2,fma"))) double dot_avx2(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  std::size_t c = 0;
  while (c + kLanes <= n) {
    const std::size_t end = std::min(c + kRun, n - n % kLanes);
    __m256 lanes = _mm256_setzero_ps();
    for (; c < end; c += kLanes) {
      lanes = _mm256_fmadd_ps(_mm256_loadu_ps(a + c), _mm256_loadu_ps(b + c), lanes);
    }
    sum += sum_of(lanes);
  }
  for (; c < n; ++c) sum += static_cast<double>(a[c]) * b[c];
  return sum;
}

// Four rows of weights with two rows of activations; cols is a multiple of kLanes.
__attribute__((target("avx2,fma"))) void tile_avx2(const float* w, const float* x, std::size_t cols,
                                                   double (&sums)[2][kTileRows]) {
  for (std::size_t begin = 0; begin < cols; begin += kRun) {
    const std::size_t end = std::min(begin + kRun, cols);
    __m256 lanes[2][kTileRows];
    for (auto& row : lanes) std::fill_n(row, kTileRows, _mm256_setzero_ps());
    for (std::size_t c = begin; c < end; c += kLanes) {
      const __m256 x0 = _mm256_loadu_ps(x + c);
      const __m256 x1 = _mm256_loadu_ps(x + cols + c);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kTileRows; ++r) {
        const __m256 weights = _mm256_loadu_ps(w + r * cols + c);
        lanes[0][r] = _mm256_fmadd_ps(weights, x0, lanes[0][r]);
        lanes[1][r] = _mm256_fmadd_ps(weights, x1, lanes[1][r]);
      }
    }
    for (std::size_t i = 0; i < 2; ++i) {
      for (std::size_t r = 0; r < kTileRows; ++r) sums[i][r] += sum_of(lanes[i][r]);
    }
  }
}

#endif

bool use_avx2() {
  static const bool use = active_isa() == Isa::avx2 || vectors_of(active_isa()) == Isa::avx512;
  return use;
}

}  // namespace

float dot(const float* a, const float* b, std::size_t n) {
#if defined(__x86_64__)
  if (use_avx2()) return static_cast<float>(dot_avx2(a, b, n));
#endif
  return static_cast<float>(dot_portable(a, b, n));
}

void add_scaled(float* out, const float* in, float scale, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] += scale * in[i];
}

void multiply(const float* w, std::size_t rows, const float* x, std::size_t n, std::size_t cols,
              float* y, std::size_t pitch) {
  std::size_t row_tiles_end = 0;
  std::size_t pairs_end = 0;
#if defined(__x86_64__)
  if (use_avx2() && cols % kLanes == 0) {
    row_tiles_end = rows - rows % kTileRows;
    pairs_end = n - n % 2;
    for (std::size_t i = 0; i < pairs_end; i += 2) {
      for (std::size_t r = 0; r < row_tiles_end; r += kTileRows) {
        double sums[2][kTileRows] = {};
        tile_avx2(w + r * cols, x + i * cols, cols, sums);
        for (std::size_t t = 0; t < kTileRows; ++t) {
          y[i * pitch + r + t] = static_cast<float>(sums[0][t]);
          y[(i + 1) * pitch + r + t] = static_cast<float>(sums[1][t]);
        }
      }
    }
  }
#endif
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t r = i < pairs_end ? row_tiles_end : 0; r < rows; ++r) {
      y[i * pitch + r] = dot(w + r * cols, x + i * cols, cols);
    }
  }
}

}  // namespace ceiling::reference
