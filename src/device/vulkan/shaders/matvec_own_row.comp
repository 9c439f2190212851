// A matrix times one row of int8 activations that each workgroup has in shared memory: normalised
// and rounded by itself, or copied (own_row.glsl). A subgroup works on a row of the matrix, AHEAD
// chunks an invocation at a time, while the words of the next are on their way; then on the row
// `step` further on.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint ROW = 1;
layout(constant_id = 2) const uint AHEAD = 1;
layout(constant_id = 3) const uint BIAS = 0;
layout(constant_id = 4) const uint ADD = 0;
layout(constant_id = 5) const uint COLS = 32;
#include "common.glsl"
#include "stored.glsl"
#include "chunk.glsl"
#include "products.glsl"
#include "int8_dot.glsl"
#include "own_row.glsl"

Raw ahead[AHEAD], held[AHEAD];

void fetch(uint row, uint chunk) {
  [[unroll]] for (uint a = 0u; a < AHEAD; ++a) {
    fetch_raw(p.skew + min(row, p.rows - 1u) * p.row_bytes,
              min(chunk + gl_SubgroupSize * a, COLS / 32u - 1u), ahead[a]);
  }
}

float held_products(uint row, uint chunk) {
  float sum = 0.0;
  [[unroll]] for (uint a = 0u; a < AHEAD; ++a) {
    const uint at = chunk + gl_SubgroupSize * a;
    if (at >= COLS / 32u) break;
    Chunk c;
    unpack(held[a], p.skew + row * p.row_bytes, at, c);
    [[unroll]] for (uint run = 0u; run < 2u; ++run) {
      const uint own = columns(at)[run] / 16u;
      const vec2 line = own_line[own];
      sum += c.scale[run] * line.x * float(dot_of_run(c, run, ivec4(own_row[own]))) -
             c.minus[run] * line.y;
    }
  }
  return sum;
}

void main() {
  const uint step = gl_NumWorkGroups.x * gl_NumWorkGroups.y * gl_NumSubgroups;
  uint next_row = workgroup_number() * gl_NumSubgroups + gl_SubgroupID;
  uint next = gl_SubgroupInvocationID;  // chunk
  fetch(next_row, next);
  float factor = 1.0;
  if (ROW == NORMALISED) factor = make_own_row();
  if (ROW == COPIED) copy_own_row(p.lines_at);
  float sum = 0.0;
  float rest = 0.0;  // on its way while weights are
  while (next_row < p.rows) {
    [[unroll]] for (uint a = 0u; a < AHEAD; ++a) held[a] = ahead[a];
    const uint row = next_row;
    const uint chunk = next;
    if (chunk == gl_SubgroupInvocationID) rest = rest_of(0u, row);  // all of them begin a row
    next += AHEAD * gl_SubgroupSize;
    const bool ends = next - gl_SubgroupInvocationID >= COLS / 32u;
    if (ends) {
      next_row += step;
      next = gl_SubgroupInvocationID;
    }
    if (next_row < p.rows) fetch(next_row, next);
    sum += held_products(row, chunk);
    if (!ends) continue;
    const float total = factor * subgroupAdd(sum);
    if (subgroupElect()) keep_result(0u, row, total + rest);
    sum = 0.0;
  }
}
