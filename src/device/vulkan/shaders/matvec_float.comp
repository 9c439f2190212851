// A matrix times one or a few rows of float32 activations. A workgroup has ROWS rows of the matrix.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 32;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint N = 1;  // rows of activations, or the next power of two
layout(constant_id = 3) const uint BIAS = 0;
layout(constant_id = 4) const uint ADD = 0;
const uint VALUES = ROWS * N;
#include "reduce.glsl"
#include "common.glsl"
#include "weights.glsl"
#include "products.glsl"
#include "float_product.glsl"

void main() {
  const uint first = workgroup_number() * ROWS;
  if (first >= p.rows) return;
  float sums[VALUES];
  for (uint k = 0u; k < VALUES; ++k) sums[k] = 0.0;
  for (uint chunk = gl_LocalInvocationID.x; chunk < (p.cols + 31u) / 32u; chunk += THREADS) {
    const uvec2 begin = columns(chunk);
    for (uint r = 0u; r < ROWS; ++r) {
      float w[32];
      load_floats(p.skew + min(first + r, p.rows - 1u) * p.row_bytes, chunk, p.cols, w);
      for (uint i = 0u; i < N; ++i) {
        sums[r * N + i] += product(w, min(i, p.n - 1u) * p.cols, begin, p.cols);
      }
    }
  }
  for (uint k = 0u; k < VALUES; ++k) hand_in(k, sums[k]);
  barrier();
  for (uint k = gl_LocalInvocationID.x; k < VALUES; k += THREADS) {
    const uint i = k % N;
    const uint row = first + k / N;
    if (i < p.n && row < p.rows) put(i, row, total_of(k));
  }
}
