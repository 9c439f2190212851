// Weights on their way to shared memory as float16, a chunk of 32 columns of TILE_ROWS rows at a
// time: fetch() reads what keep() then turns and writes. Float16 has no room for what is larger
// than LARGEST: such a weight becomes that. Plain types begin each row at 16 bytes.
#include "weights.glsl"
const float LARGEST = 65504.0;

uvec2 four_halves(vec4 w) {
  w = clamp(w, -LARGEST, LARGEST);
  return uvec2(packHalf2x16(w.xy), packHalf2x16(w.zw));
}

#ifdef WHOLE_CHUNKS
// An invocation a row, or two: each then turns half of what both read.
#define Ahead Chunk
const uint SHARERS = THREADS / TILE_ROWS;

void fetch(uint first, uint chunk, out Ahead a) {
  const uint row = min(first + gl_LocalInvocationID.x % TILE_ROWS, p.rows - 1u);
  load_chunk(p.skew + row * p.row_bytes, chunk, a);
}

uvec2 four_of(uint word, float scale, float minus) {
  const int q = int(word);
  const vec4 bytes = vec4(bitfieldExtract(q, 0, 8), bitfieldExtract(q, 8, 8),
                          bitfieldExtract(q, 16, 8), bitfieldExtract(q, 24, 8));
  return four_halves(scale * bytes - minus);
}

void keep(Ahead a, uint buffer_) {
  const uint row = gl_LocalInvocationID.x % TILE_ROWS;
  const bool second = gl_LocalInvocationID.x >= TILE_ROWS;
  [[unroll]] for (uint i = 0u; i < 4u / SHARERS; ++i) {
    const uint at = second ? i + 2u : i;  // of the four uvec4 of a row
    const uint low = second ? a.q[2u * (i + 2u) % 8u] : a.q[2u * i];
    const uint high = second ? a.q[(2u * (i + 2u) + 1u) % 8u] : a.q[2u * i + 1u];
    const bool later = second || i >= 2u;
    const float scale = later ? a.scale.y : a.scale.x;
    const float minus = later ? a.minus.y : a.minus.x;
    w_tile[(buffer_ * TILE_ROWS + row) * PITCH + at] =
        uvec4(four_of(low, scale, minus), four_of(high, scale, minus));
  }
}

#else
// Four invocations a row, eight columns each.
struct Ahead {
  uvec4 eight[4];
};

void fetch(uint first, uint chunk, out Ahead a) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint row = min(first + t / 4u + THREADS / 4u * j, p.rows - 1u);
    a.eight[j] = stored4[(p.skew + row * p.row_bytes) / 16u + 4u * chunk + t % 4u];
  }
}

void keep(Ahead a, uint buffer_) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    uvec4 eight = a.eight[j];
#ifdef TYPE_BF16
    const vec4 even = uintBitsToFloat(eight << 16);
    const vec4 odd = uintBitsToFloat(eight & 0xFFFF0000u);
    eight = uvec4(four_halves(vec4(even.x, odd.x, even.y, odd.y)),
                  four_halves(vec4(even.z, odd.z, even.w, odd.w)));
#endif
    w_tile[(buffer_ * TILE_ROWS + t / 4u + THREADS / 4u * j) * PITCH + t % 4u] = eight;
  }
}
#endif
