// A matrix times one or a few rows of int8 activations (prepare.comp), four products at once, on
// devices whose subgroups do not add: a workgroup has ROWS rows of the matrix.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 32;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint N = 1;  // rows of activations, or the next power of two
layout(constant_id = 3) const uint BIAS = 0;
layout(constant_id = 4) const uint ADD = 0;
const uint VALUES = ROWS * N;
#include "reduce.glsl"
#include "common.glsl"
#include "stored.glsl"
#include "chunk.glsl"
#include "products.glsl"
#include "int8_dot.glsl"
layout(std430, binding = 1) readonly buffer X { uint x[]; };
layout(std430, binding = 1) readonly buffer X4 { uvec4 x4[]; };

void main() {
  const uint first = workgroup_number() * ROWS;
  if (first >= p.rows) return;
  float sums[VALUES];
  [[unroll]] for (uint k = 0u; k < VALUES; ++k) sums[k] = 0.0;
  for (uint chunk = gl_LocalInvocationID.x; chunk < p.cols / 32u; chunk += THREADS) {
    const uvec2 begin = columns(chunk);
    Chunk c[ROWS];
    [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
      load_chunk(p.skew + min(first + r, p.rows - 1u) * p.row_bytes, chunk, c[r]);
    }
    [[unroll]] for (uint i = 0u; i < N; ++i) {
      [[unroll]] for (uint run = 0u; run < 2u; ++run) {
        const uint at = min(i, p.n - 1u) * p.cols + begin[run];
        const ivec4 four = ivec4(x4[at / 16u]);
        const float scale = uintBitsToFloat(x[p.lines_at + at / 8u]);
        const float sum = uintBitsToFloat(x[p.lines_at + at / 8u + 1u]);
        [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
          sums[r * N + i] +=
              c[r].scale[run] * scale * float(dot_of_run(c[r], run, four)) - c[r].minus[run] * sum;
        }
      }
    }
  }
  [[unroll]] for (uint k = 0u; k < VALUES; ++k) hand_in(k, sums[k]);
  barrier();
  for (uint k = gl_LocalInvocationID.x; k < VALUES; k += THREADS) {
    const uint i = k % N;
    const uint row = first + k / N;
    if (i < p.n && row < p.rows) put(i, row, total_of(k));
  }
}
