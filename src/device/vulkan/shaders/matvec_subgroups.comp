// A matrix times one or a few rows of int8 activations, four products at once: ROWS rows of the
// matrix a subgroup. One row of activations is normalised and rounded by each workgroup for itself,
// or copied (ROW: own_row.glsl); more are read where they lie.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint N = 1;  // rows of activations, or the next power of two
layout(constant_id = 3) const uint BIAS = 0;
layout(constant_id = 4) const uint ADD = 0;
layout(constant_id = 5) const uint ROW = 0;
layout(constant_id = 6) const uint COLS = 32;  // with a row of its own
layout(constant_id = 8) const uint AHEAD = 1;  // chunks of a row on their way at once
#include "common.glsl"
#include "stored.glsl"
#include "chunk.glsl"
#include "products.glsl"
#include "int8_dot.glsl"
#include "own_row.glsl"
layout(std430, binding = 1) readonly buffer X { uint x[]; };
layout(std430, binding = 1) readonly buffer X4 { uvec4 x4[]; };

// 16 activations from `at` of all rows, with their scale and their sum.
ivec4 sixteen(uint at, out float scale, out float sum) {
  if (ROW != IN_MEMORY) {
    scale = own_scale[at / 32u];
    sum = own_sum[at / 16u];
    return ivec4(own_row[at / 16u]);
  }
  scale = uintBitsToFloat(x[p.scales_at + at / 32u]);
  sum = uintBitsToFloat(x[p.sums_at + at / 16u]);
  return ivec4(x4[at / 16u]);
}

// Of rows `first` and on.
void multiply(uint first) {
  float sums[ROWS * N];
  float rest[ROWS * N];  // on its way while weights are
  [[unroll]] for (uint k = 0u; k < ROWS * N; ++k) {
    sums[k] = 0.0;
    rest[k] = rest_of(min(k % N, p.n - 1u), min(first + k / N, p.rows - 1u));
  }
  const uint chunks = p.cols / 32u;
  for (uint chunk = gl_SubgroupInvocationID; chunk < chunks; chunk += AHEAD * gl_SubgroupSize) {
    Chunk c[AHEAD * ROWS];
    [[unroll]] for (uint a = 0u; a < AHEAD; ++a) {
      [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
        load_chunk(p.skew + min(first + r, p.rows - 1u) * p.row_bytes,
                   min(chunk + gl_SubgroupSize * a, chunks - 1u), c[ROWS * a + r]);
      }
    }
    [[unroll]] for (uint a = 0u; a < AHEAD; ++a) {
      if (chunk + gl_SubgroupSize * a >= chunks) break;
      const uvec2 begin = columns(chunk + gl_SubgroupSize * a);
      [[unroll]] for (uint i = 0u; i < N; ++i) {
        [[unroll]] for (uint run = 0u; run < 2u; ++run) {
          float scale, sum;
          const ivec4 four = sixteen(min(i, p.n - 1u) * p.cols + begin[run], scale, sum);
          [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
            const uint k = ROWS * a + r;
            sums[r * N + i] += c[k].scale[run] * scale * float(dot_of_run(c[k], run, four)) -
                               c[k].minus[run] * sum;
          }
        }
      }
    }
  }
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
    [[unroll]] for (uint i = 0u; i < N; ++i) {
      const float total = subgroupAdd(sums[r * N + i]);
      if (subgroupElect() && i < p.n && first + r < p.rows) {
        keep_result(i, first + r, total + rest[r * N + i]);
      }
    }
  }
}

void main() {
  const uint first = (workgroup_number() * gl_NumSubgroups + gl_SubgroupID) * ROWS;
  if (ROW == NORMALISED) make_own_row();
  if (ROW == COPIED) copy_own_row(p.scales_at, p.sums_at);
  if (first < p.rows) multiply(first);
}
