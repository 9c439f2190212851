// A matrix times one or a few rows of int8 activations (prepare.comp), four products at once.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_spirv_intrinsics : require
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
layout(std430, binding = 1) readonly buffer X { uint x[]; };

// OpSDot of SPV_KHR_integer_dot_product; format 0: four signed bytes a word.
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019],
                  id = 4450) int signed_dot(int a, int b, spirv_literal int format);

void main() {
  const uint first = workgroup_number() * ROWS;
  if (first >= p.rows) return;
  float sums[VALUES];
  for (uint k = 0u; k < VALUES; ++k) sums[k] = 0.0;
  for (uint chunk = gl_LocalInvocationID.x; chunk < p.cols / 32u; chunk += THREADS) {
    const uvec2 begin = columns(chunk);
    for (uint r = 0u; r < ROWS; ++r) {
      Chunk c;
      load_chunk(p.skew + min(first + r, p.rows - 1u) * p.row_bytes, chunk, c);
      for (uint i = 0u; i < N; ++i) {
        const uint row = min(i, p.n - 1u);
        for (uint run = 0u; run < 2u; ++run) {
          const uint words = (row * p.cols + begin[run]) / 4u;
          int dot = 0;
          for (uint k = 0u; k < 4u; ++k) {
            dot += signed_dot(int(c.q[4u * run + k]), int(x[words + k]), 0);
          }
          const float scale = uintBitsToFloat(x[p.scales_at + (row * p.cols + begin[run]) / 32u]);
          const float sum = uintBitsToFloat(x[p.sums_at + (row * p.cols + begin[run]) / 16u]);
          sums[r * N + i] += c.scale[run] * scale * float(dot) - c.minus[run] * sum;
        }
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
