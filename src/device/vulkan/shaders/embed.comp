// The row of a table for each token. Tokens whose row another piece of the table holds are left out.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 1) readonly buffer Rows { uint token[]; };
layout(std430, binding = 2) writeonly buffer Out { float result[]; };
layout(push_constant) uniform Parameters {
  uint skew, row_bytes, first_row, rows, cols;
  float scale;
} p;

void main() {
  const uint i = workgroup_number();
  const uint row = token[i] - p.first_row;
  if (token[i] < p.first_row || row >= p.rows) return;
  for (uint chunk = gl_LocalInvocationID.x; chunk < (p.cols + 31u) / 32u; chunk += 64u) {
    float w[32];
    load_floats(p.skew + row * p.row_bytes, chunk, p.cols, w);
    const uvec2 begin = columns(chunk);
    for (uint k = 0u; k < 32u; ++k) {
      const uint column = begin[k / 16u] + k % 16u;
      if (column < p.cols) result[i * p.cols + column] = w[k] * p.scale;
    }
  }
}
