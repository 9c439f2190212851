// A matrix times many rows of activations: tiles of 64 rows of the matrix and 32 of activations,
// a chunk of columns at a time through shared memory.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint BIAS = 0;
layout(constant_id = 1) const uint ADD = 0;
const uint TILE_ROWS = 64;
const uint TILE_N = 32;
#include "common.glsl"
#include "weights.glsl"
#include "products.glsl"
layout(std430, binding = 1) readonly buffer X { float x[]; };

shared float w_tile[32 * TILE_ROWS];
shared float x_tile[32 * TILE_N];

void main() {
  const uint t = gl_LocalInvocationID.x;
  const uint first = workgroup_number() * TILE_ROWS;
  if (first >= p.rows) return;
  const uint first_n = gl_WorkGroupID.z * TILE_N;
  const uint own_row = t % 16u;
  const uint own_n = t / 16u;
  const uint x_row = first_n + t / 4u;
  const uint x_begin = 8u * (t % 4u);  // of the 32 columns of a chunk
  float sums[16];
  for (int k = 0; k < 16; ++k) sums[k] = 0.0;
  for (uint chunk = 0u; chunk < (p.cols + 31u) / 32u; ++chunk) {
    const uvec2 begin = columns(chunk);
    if (t < TILE_ROWS) {
      float w[32];
      load_floats(p.skew + min(first + t, p.rows - 1u) * p.row_bytes, chunk, p.cols, w);
      for (uint k = 0u; k < 32u; ++k) w_tile[k * TILE_ROWS + t] = w[k];
    }
    for (uint k = x_begin; k < x_begin + 8u; ++k) {
      const uint column = begin[k / 16u] + k % 16u;
      const bool inside = x_row < p.n && column < p.cols;
      x_tile[k * TILE_N + t / 4u] = inside ? x[x_row * p.cols + column] : 0.0;
    }
    barrier();
    for (uint k = 0u; k < 32u; ++k) {
      float w[4];
      for (uint i = 0u; i < 4u; ++i) w[i] = w_tile[k * TILE_ROWS + own_row + 16u * i];
      for (uint j = 0u; j < 4u; ++j) {
        const float value = x_tile[k * TILE_N + own_n + 8u * j];
        for (uint i = 0u; i < 4u; ++i) sums[4u * j + i] += w[i] * value;
      }
    }
    barrier();
  }
  for (uint j = 0u; j < 4u; ++j) {
    const uint i_n = first_n + own_n + 8u * j;
    for (uint i = 0u; i < 4u; ++i) {
      const uint row = first + own_row + 16u * i;
      if (i_n < p.n && row < p.rows) put(i_n, row, sums[4u * j + i]);
    }
  }
}
