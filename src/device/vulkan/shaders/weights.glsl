// Weights of any type as float32, 32 of a row at a time: a chunk. Compiled once a type: TYPE_Q4_K.
#include "stored.glsl"

#if defined(TYPE_F32) || defined(TYPE_F16) || defined(TYPE_BF16)
// Columns may end within the last chunk: the rest is zero.
uvec2 columns(uint chunk) { return uvec2(32u * chunk, 32u * chunk + 16u); }

void load_floats(uint row, uint chunk, uint cols, out float w[32]) {
#ifdef TYPE_F32
  for (uint i = 0u; i < 32u; ++i) {
    const uint column = 32u * chunk + i;
    w[i] = column < cols ? uintBitsToFloat(stored[(row >> 2) + column]) : 0.0;
  }
#else
  for (uint i = 0u; i < 32u; i += 2u) {
    const uint column = 32u * chunk + i;
    uint pair = 0u;
    if (column + 1u < cols) {
      pair = load4(row + 2u * column);
    } else if (column < cols) {
      pair = load2(row + 2u * column);
    }
#ifdef TYPE_F16
    const vec2 both = unpackHalf2x16(pair);
    w[i] = both.x;
    w[i + 1u] = both.y;
#else
    w[i] = uintBitsToFloat(pair << 16);
    w[i + 1u] = uintBitsToFloat(pair & 0xFFFF0000u);
#endif
  }
#endif
}

#else
#define WHOLE_CHUNKS  // rows are of whole ones
#include "chunk.glsl"

void load_floats(uint row, uint chunk, uint cols, out float w[32]) {
  Chunk c;
  load_chunk(row, chunk, c);
  for (int i = 0; i < 32; ++i) {
    const int run = i / 16;
    w[i] = c.scale[run] * float(bitfieldExtract(int(c.q[i / 4]), 8 * (i % 4), 8)) - c.minus[run];
  }
}
#endif
