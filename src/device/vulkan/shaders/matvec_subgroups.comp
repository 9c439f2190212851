// A matrix times one or a few rows of int8 activations, read where they lie, four products at once:
// ROWS rows of the matrix a subgroup.
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
#include "common.glsl"
#include "stored.glsl"
#include "chunk.glsl"
#include "products.glsl"
#include "int8_dot.glsl"
layout(std430, binding = 1) readonly buffer X4 { uvec4 x4[]; };
layout(std430, binding = 1) readonly buffer Lines { vec2 line[]; };  // scale; sum times the scale

// Of rows `first` and on.
void multiply(uint first) {
  float sums[ROWS * N];
  float rest[ROWS * N];  // on its way while weights are
  [[unroll]] for (uint k = 0u; k < ROWS * N; ++k) {
    sums[k] = 0.0;
    rest[k] = rest_of(min(k % N, p.n - 1u), min(first + k / N, p.rows - 1u));
  }
  for (uint chunk = gl_SubgroupInvocationID; chunk < p.cols / 32u; chunk += gl_SubgroupSize) {
    Chunk c[ROWS];
    [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
      load_chunk(p.skew + min(first + r, p.rows - 1u) * p.row_bytes, chunk, c[r]);
    }
    const uvec2 begin = columns(chunk);
    [[unroll]] for (uint i = 0u; i < N; ++i) {
      [[unroll]] for (uint run = 0u; run < 2u; ++run) {
        const uint at = min(i, p.n - 1u) * p.cols + begin[run];
        const ivec4 four = ivec4(x4[at / 16u]);
        const vec2 of_x = line[p.lines_at / 2u + at / 16u];
        [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
          sums[r * N + i] += c[r].scale[run] * of_x.x * float(dot_of_run(c[r], run, four)) -
                             c[r].minus[run] * of_x.y;
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
  if (first < p.rows) multiply(first);
}
