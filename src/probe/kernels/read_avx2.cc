// Compiled with AVX2: it includes nothing whose inline functions other units could share.
#include <immintrin.h>

#include "probe/read_kernel.h"

namespace ceiling::probe {
namespace {

constexpr std::size_t kVector = 32;

// Asks for the lines 1 KiB further on in a stream and, as it enters a page of 4 KiB, for the start
// of the next: what kernels of products do, which no ceiling may fall short of.
template <std::size_t Bytes>
void fetch_ahead(const std::byte* from) {
  for (std::size_t i = 0; i < Bytes; i += 64) __builtin_prefetch(from + 1024 + i);
  if (reinterpret_cast<std::uintptr_t>(from) % 4096 < Bytes) {
    __builtin_prefetch(from + 4096);
    __builtin_prefetch(from + 4096 + 64);
  }
}

// `Streams` quarters (or all) of the range are read side by side, `Unroll` vectors of each at a
// time.
template <std::size_t Streams, std::size_t Unroll, bool Ahead = false>
std::uint64_t read(const std::byte* data, std::size_t bytes) {
  constexpr std::size_t kSums = Streams * Unroll;
  __m256i sums[kSums];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  const std::size_t stream = bytes / Streams;
  for (std::size_t i = 0; i < stream; i += kVector * Unroll) {
    for (std::size_t s = 0; s < Streams; ++s) {
      if constexpr (Ahead) fetch_ahead<kVector * Unroll>(data + s * stream + i);
      for (std::size_t k = 0; k < Unroll; ++k) {
        const void* from = data + s * stream + i + k * kVector;
        __m256i& sum = sums[s * Unroll + k];
        sum = _mm256_add_epi64(sum, _mm256_loadu_si256(static_cast<const __m256i*>(from)));
      }
    }
  }
  __m256i all = sums[0];
  for (std::size_t k = 1; k < kSums; ++k) all = _mm256_add_epi64(all, sums[k]);
  alignas(kVector) std::uint64_t words[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), all);
  return words[0] + words[1] + words[2] + words[3];
}

}  // namespace

std::uint64_t read_avx2(const std::byte* data, std::size_t bytes) {
  return read<1, 8>(data, bytes);
}
std::uint64_t read_avx2_x4(const std::byte* data, std::size_t bytes) {
  return read<4, 2>(data, bytes);
}
std::uint64_t read_avx2_x4_ahead(const std::byte* data, std::size_t bytes) {
  return read<4, 2, true>(data, bytes);
}

}  // namespace ceiling::probe
