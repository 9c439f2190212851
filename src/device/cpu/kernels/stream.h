// Reading weights: addresses, unaligned values, and fetching ahead. Internal linkage, as all
// headers of kernels: they are compiled with different flags in different translation units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ceiling::cpu {
namespace {

using Address = const std::uint8_t*;

constexpr std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

inline std::int32_t load32(Address p) {
  std::int32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline std::uint16_t load16(Address p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Who asks memory for what a stream of weights needs next: the processor alone, or this code too,
// by so many bytes ahead (`ahead`: 1 KiB, and the starts of pages).
enum class Fetch { by_processor, ahead, ahead_2k, ahead_8k };

// Fetches what a stream of weights needs next: the lines 1 KiB ahead and, as each page of 4 KiB is
// entered, the start of the next one. The processor's own prefetcher stops at a page, and the walk
// of the page table is slow under a hypervisor: on Zen 4 one stream from memory gained a fifth, and
// on Emerald Rapids four gained a sixth (by 512 bytes ahead a tenth).
template <std::size_t step_bytes>
inline void prefetch_stream(Address w) {
  constexpr std::uintptr_t page = 4096;
  constexpr std::size_t ahead = 1024;
  for (std::size_t i = 0; i < step_bytes; i += 64) {
    __builtin_prefetch(w + ahead + i);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(w);
  if (address % page < step_bytes) {
    const Address next = w + (page - address % page);
    __builtin_prefetch(next);
    __builtin_prefetch(next + 64);
  }
}

template <Fetch fetch, std::size_t step_bytes>
inline void prefetch(Address w) {
  if constexpr (fetch == Fetch::ahead) return prefetch_stream<step_bytes>(w);
  if constexpr (fetch == Fetch::ahead_2k || fetch == Fetch::ahead_8k) {
    constexpr std::size_t ahead = fetch == Fetch::ahead_2k ? 2048 : 8192;
    for (std::size_t i = 0; i < step_bytes; i += 64) __builtin_prefetch(w + ahead + i);
  }
}

}  // namespace
}  // namespace ceiling::cpu
