// The one detector of instruction sets. Kernels are compiled one translation unit an instruction
// set (device/cpu/kernels/) and chosen here at run time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ceiling {

enum class Isa { portable, avx2, avx512, amx, neon };
// avx2   : AVX2 + FMA + F16C
// avx512 : AVX-512 F, BW, VL, DQ and VNNI; bf16 arithmetic is a further feature (has_avx512_bf16)
// amx    : avx512 with bf16, and AMX tiles of int8 and bf16, which the system must allow: it is
//          asked once. Tiles multiply prompts through BF16 weights; all else is done as by avx512
//          (vectors_of).
// neon   : AArch64 with dot product; int8 and bf16 matrix multiply are further features
//          (has_neon_i8mm, has_neon_bf16)

std::string_view name(Isa isa);

// All sets that this processor can run, best last; `portable` is always there.
std::vector<Isa> supported_isas();

// The best supported set, or the one that CEILING_ISA names (portable, avx2, avx512, amx, neon).
// Throws Error(usage) if CEILING_ISA names an unknown or unsupported set.
Isa active_isa();

// The set whose vector instructions go with one's matrix instructions: avx512 of amx; else itself.
constexpr Isa vectors_of(Isa isa) { return isa == Isa::amx ? Isa::avx512 : isa; }

bool has_avx512_bf16();
// Whether a processor that has it multiplies bf16 faster so than in float32. Zen 4 and Zen 5 do;
// Intel's do not: 83 against 143 Gop/s a thread on Emerald Rapids.
bool fast_avx512_bf16();
bool has_neon_i8mm();
bool has_neon_bf16();

}  // namespace ceiling
