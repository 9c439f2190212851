// Two matrices times one row, and one result gating the other: rows `first` to `first` + 31 of both
// by a workgroup, which normalises the row for itself and hands on its 32 results as int8.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 256;
layout(constant_id = 1) const uint ROWS = 4;  // of each matrix, a subgroup: of 32, its share ...
layout(constant_id = 2) const uint STEP = 2;  // ... and at once
layout(constant_id = 3) const uint ACTIVATION = 0;
layout(constant_id = 6) const uint COLS = 32;
#include "common.glsl"
#include "stored.glsl"
#include "chunk.glsl"
#include "int8_dot.glsl"
#include "activation.glsl"
const uint ROW = 1;
layout(std430, binding = 2) writeonly buffer Out { uint words[]; };
layout(push_constant) uniform Parameters {
  uint gate_at, up_at;  // of the matrices, in bytes
  uint row_bytes, rows;
  uint norm_at;
  float epsilon;
  uint scales_at, sums_at;  // of the result
} p;
#include "own_row.glsl"

shared float products[64];  // of the gate, then of the other
shared float gated[32];

// Rows `row` and on of the 32, STEP of each matrix.
void multiply_rows(uint first, uint row) {
  float sums[2u * STEP];
  [[unroll]] for (uint k = 0u; k < 2u * STEP; ++k) sums[k] = 0.0;
  for (uint chunk = gl_SubgroupInvocationID; chunk < COLS / 32u; chunk += gl_SubgroupSize) {
    Chunk c[2u * STEP];
    [[unroll]] for (uint k = 0u; k < 2u * STEP; ++k) {
      load_chunk((k % 2u == 0u ? p.gate_at : p.up_at) + (first + row + k / 2u) * p.row_bytes, chunk,
                 c[k]);
    }
    const uvec2 begin = columns(chunk);
    [[unroll]] for (uint run = 0u; run < 2u; ++run) {
      const uint at = begin[run] / 16u;
      const ivec4 four = ivec4(own_row[at]);
      const float scale = own_scale[at / 2u];
      [[unroll]] for (uint k = 0u; k < 2u * STEP; ++k) {
        sums[k] += c[k].scale[run] * scale * float(dot_of_run(c[k], run, four)) -
                   c[k].minus[run] * own_sum[at];
      }
    }
  }
  [[unroll]] for (uint k = 0u; k < 2u * STEP; ++k) {
    const float total = subgroupAdd(sums[k]);
    if (subgroupElect()) products[k % 2u * 32u + row + k / 2u] = total;
  }
}

// Of the 32 results, as int8.
void put(uint first) {
  const uint t = gl_LocalInvocationID.x;
  if (t < 32u) gated[t] = activated(ACTIVATION, products[t]) * products[32u + t];
  barrier();
  if (t >= 8u) return;
  float most = 0.0;
  for (uint i = 0u; i < 32u; ++i) most = max(most, abs(gated[i]));
  const float scale = most / 127.0;
  const float inverse = most > 0.0 ? 127.0 / most : 0.0;
  uint word = 0u;
  for (uint i = 0u; i < 4u; ++i) {
    word |= (uint(int(roundEven(gated[4u * t + i] * inverse))) & 0xFFu) << (8u * i);
  }
  words[first / 4u + t] = word;
  if (t == 0u) words[p.scales_at + first / 32u] = floatBitsToUint(scale);
  if (t % 4u != 0u) return;
  int sum = 0;
  for (uint i = 0u; i < 16u; ++i) sum += int(roundEven(gated[4u * t + i] * inverse));
  words[p.sums_at + first / 16u + t / 4u] = floatBitsToUint(scale * float(sum));
}

void main() {
  const uint first = workgroup_number() * 32u;
  if (first >= p.rows) return;
  make_own_row();
  const uint end = min(gl_SubgroupID * ROWS + ROWS, 32u);
  for (uint row = gl_SubgroupID * ROWS; row < end; row += STEP) multiply_rows(first, row);
  barrier();
  put(first);
}
