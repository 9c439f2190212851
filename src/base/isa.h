// The one detector of instruction sets. Kernels are compiled one translation unit an instruction
// set (device/cpu/kernels/) and chosen here at run time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ceiling {

enum class Isa { portable, avx2, avx512, neon };
// avx2   : AVX2 + FMA + F16C
// avx512 : AVX-512 F, BW, VL, DQ and VNNI; bf16 arithmetic is a further feature (has_avx512_bf16)
// neon   : AArch64 with dot product; int8 and bf16 matrix multiply are further features
//          (has_neon_i8mm, has_neon_bf16)

std::string_view name(Isa isa);

// All sets that this processor can run, best last; `portable` is always there.
std::vector<Isa> supported_isas();

// The best supported set, or the one that CEILING_ISA names (portable, avx2, avx512, neon).
// Throws Error(usage) if CEILING_ISA names an unknown or unsupported set.
Isa active_isa();

bool has_avx512_bf16();
bool has_neon_i8mm();
bool has_neon_bf16();

}  // namespace ceiling
