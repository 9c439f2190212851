// The matrices of the experts that a row has chosen, times that row. A workgroup has ROWS rows of a
// matrix and one row of activations: for one of its experts, or for all of them, joined by share.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 32;
layout(constant_id = 1) const uint ROWS = 2;
layout(constant_id = 2) const uint COMBINE = 0;
layout(constant_id = 3) const uint IN_APART = 0;  // each chosen expert has a row of its own
const uint VALUES = ROWS;
#include "reduce.glsl"
#include "common.glsl"
#include "weights.glsl"
#include "float_product.glsl"
layout(std430, binding = 2) readonly buffer Routing { float routing[]; };
layout(std430, binding = 3) buffer Out { float result[]; };
layout(push_constant) uniform Parameters {
  uint skew, row_bytes, first_row, piece_rows;  // of this piece of all the experts' rows
  uint rows, cols;                              // of one expert
  uint used;
  uint again;  // another piece has written the sums already
} p;

void main() {
  const uint first = workgroup_number() * ROWS;
  if (first >= p.rows) return;
  const uint item = gl_WorkGroupID.z;
  const uint i = COMBINE != 0u ? item : item / p.used;
  const uint begin_k = COMBINE != 0u ? 0u : item % p.used;
  const uint end_k = COMBINE != 0u ? p.used : begin_k + 1u;
  float sums[ROWS];
  for (uint r = 0u; r < ROWS; ++r) sums[r] = 0.0;
  uint expert = 0u;
  for (uint k = begin_k; k < end_k; ++k) {
    expert = uint(routing[2u * i * p.used + k]);
    const float share = COMBINE != 0u ? routing[(2u * i + 1u) * p.used + k] : 1.0;
    const uint x_row = (IN_APART != 0u ? i * p.used + k : i) * p.cols;
    for (uint chunk = gl_LocalInvocationID.x; chunk < (p.cols + 31u) / 32u; chunk += THREADS) {
      const uvec2 begin = columns(chunk);
      for (uint r = 0u; r < ROWS; ++r) {
        const uint row = expert * p.rows + min(first + r, p.rows - 1u) - p.first_row;
        if (row >= p.piece_rows) continue;  // before the piece, too: it wraps around
        float w[32];
        load_floats(p.skew + row * p.row_bytes, chunk, p.cols, w);
        sums[r] += share * product(w, x_row, begin, p.cols);
      }
    }
  }
  for (uint r = 0u; r < ROWS; ++r) hand_in(r, sums[r]);
  barrier();
  for (uint r = gl_LocalInvocationID.x; r < ROWS; r += THREADS) {
    const uint row = first + r;
    if (row >= p.rows) break;
    const uint at = item * p.rows + row;
    if (COMBINE != 0u) {
      result[at] = total_of(r) + (p.again != 0u ? result[at] : 0.0);
    } else if (expert * p.rows + row - p.first_row < p.piece_rows) {
      result[at] = total_of(r);
    }
  }
}
