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
// An invocation a row.
#define Ahead Chunk

void fetch(uint first, uint chunk, out Ahead a) {
  const uint t = gl_LocalInvocationID.x;
  if (t >= TILE_ROWS) return;
  load_chunk(p.skew + min(first + t, p.rows - 1u) * p.row_bytes, chunk, a);
}

uvec2 four_of(Ahead a, int i) {
  const int q = int(a.q[i]);
  const vec4 bytes = vec4(bitfieldExtract(q, 0, 8), bitfieldExtract(q, 8, 8),
                          bitfieldExtract(q, 16, 8), bitfieldExtract(q, 24, 8));
  return four_halves(a.scale[i / 4] * bytes - a.minus[i / 4]);
}

void keep(Ahead a, uint buffer_) {
  const uint t = gl_LocalInvocationID.x;
  if (t >= TILE_ROWS) return;
  [[unroll]] for (int i = 0; i < 4; ++i) {
    w_tile[(buffer_ * TILE_ROWS + t) * PITCH + i] =
        uvec4(four_of(a, 2 * i), four_of(a, 2 * i + 1));
  }
}

#else
// Four invocations a row, eight columns each.
struct Ahead {
  uvec4 eight[4];
};

void fetch(uint first, uint chunk, out Ahead a) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < BLOCKS; ++j) {
    const uint row = min(first + t / 4u + 32u * j, p.rows - 1u);
    a.eight[j] = stored4[(p.skew + row * p.row_bytes) / 16u + 4u * chunk + t % 4u];
  }
}

void keep(Ahead a, uint buffer_) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < BLOCKS; ++j) {
    uvec4 eight = a.eight[j];
#ifdef TYPE_BF16
    const vec4 even = uintBitsToFloat(eight << 16);
    const vec4 odd = uintBitsToFloat(eight & 0xFFFF0000u);
    eight = uvec4(four_halves(vec4(even.x, odd.x, even.y, odd.y)),
                  four_halves(vec4(even.z, odd.z, even.w, odd.w)));
#endif
    w_tile[(buffer_ * TILE_ROWS + t / 4u + 32u * j) * PITCH + t % 4u] = eight;
  }
}
#endif
