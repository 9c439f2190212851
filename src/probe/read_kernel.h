// The kernels that measure how fast memory can be read: a sum and nothing else, so that only the
// loads count.
//
// A single ascending stream is not the fastest way to read everywhere: four streams side by side
// keep more requests in flight across 4 KiB pages, asking for lines ahead adds a few per cent on
// some, and narrower loads beat wider ones on others. A ceiling has to be the fastest of them, so
// ReadProbe (read_probe.h) tries the kernels and keeps the best.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/isa.h"

namespace ceiling::probe {

// Kernels read whole steps: `bytes` is a multiple of this, `data` needs no alignment.
inline constexpr std::size_t kReadStep = 1024;

struct ReadKernel {
  std::string_view name;  // "avx2, 4 streams"
  Isa isa = Isa::portable;
  // Sum modulo 2^64 of the 64-bit words in [data, data + bytes): every byte is read once.
  std::uint64_t (*sum)(const std::byte* data, std::size_t bytes) = nullptr;
};

// The kernels to try on this processor; only those of one set when CEILING_ISA names it.
std::vector<ReadKernel> read_kernels();

// One translation unit an instruction set (kernels/).
std::uint64_t read_portable(const std::byte* data, std::size_t bytes);
std::uint64_t read_avx2(const std::byte* data, std::size_t bytes);
std::uint64_t read_avx2_x4(const std::byte* data, std::size_t bytes);
std::uint64_t read_avx2_x4_ahead(const std::byte* data, std::size_t bytes);
std::uint64_t read_avx512(const std::byte* data, std::size_t bytes);
std::uint64_t read_avx512_x4(const std::byte* data, std::size_t bytes);
std::uint64_t read_avx512_x4_ahead(const std::byte* data, std::size_t bytes);
std::uint64_t read_neon(const std::byte* data, std::size_t bytes);
std::uint64_t read_neon_x4(const std::byte* data, std::size_t bytes);

}  // namespace ceiling::probe
