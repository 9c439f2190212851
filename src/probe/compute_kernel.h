// The kernels that measure how fast a core can multiply and add: on numbers already in registers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/isa.h"

namespace ceiling::probe {

enum class Arithmetic { f32, bf16, int8 };
std::string_view name(Arithmetic arithmetic);  // "float32", "bfloat16", "int8"

struct ComputeKernel {
  Arithmetic arithmetic = Arithmetic::f32;
  std::string_view name;  // the instruction: "vpdpbusd, 512 bits"
  Isa isa = Isa::portable;
  // Multiplies ones and adds them up `iterations` times; returns the sum over all lanes, which is
  // the number of multiply-adds done: a kernel cannot claim work that it did not do. iterations <=
  // kMostIterations.
  std::uint64_t (*run)(std::uint64_t iterations) = nullptr;
};

// A float32 lane counts exactly up to 2^24; an iteration adds at most 8 to it, of tiles a sixth of
// 32. Some 0.5 to 1.5 ms.
inline constexpr std::uint64_t kMostIterations = std::uint64_t{1} << 18;

// The best kernel for each arithmetic that the active instruction set has; no bf16 where it has
// none.
std::vector<ComputeKernel> compute_kernels();

// One translation unit an instruction set (kernels/).
std::uint64_t f32_portable(std::uint64_t iterations);
std::uint64_t int8_portable(std::uint64_t iterations);
std::uint64_t f32_avx2(std::uint64_t iterations);
std::uint64_t int8_avx2(std::uint64_t iterations);
std::uint64_t f32_avx512(std::uint64_t iterations);
std::uint64_t int8_avx512(std::uint64_t iterations);
std::uint64_t bf16_avx512(std::uint64_t iterations);
std::uint64_t bf16_amx(std::uint64_t iterations);
std::uint64_t f32_neon(std::uint64_t iterations);
std::uint64_t int8_neon(std::uint64_t iterations);
std::uint64_t int8_neon_i8mm(std::uint64_t iterations);
std::uint64_t bf16_neon(std::uint64_t iterations);

}  // namespace ceiling::probe
