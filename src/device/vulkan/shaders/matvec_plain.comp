// A matrix of a plain type times one or a few rows of float32 activations, 16 bytes of weights at a
// time, where each row begins at 16 bytes. A workgroup has ROWS rows of the matrix.
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
#include "products.glsl"
layout(std430, binding = 1) readonly buffer X { vec4 x[]; };

#ifdef TYPE_F32
const uint FOURS = 1;  // of columns, in 16 bytes
float product(uvec4 w, vec4 a, vec4 b) { return dot(uintBitsToFloat(w), a); }
#else
const uint FOURS = 2;
vec2 both(uint pair) {
#ifdef TYPE_F16
  return unpackHalf2x16(pair);
#else
  return uintBitsToFloat(uvec2(pair << 16, pair & 0xFFFF0000u));
#endif
}
float product(uvec4 w, vec4 a, vec4 b) {
  return dot(both(w.x), a.xy) + dot(both(w.y), a.zw) + dot(both(w.z), b.xy) + dot(both(w.w), b.zw);
}
#endif

void main() {
  const uint first = workgroup_number() * ROWS;
  if (first >= p.rows) return;
  const uint count = p.cols / (4u * FOURS);
  uint begin[ROWS];
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
    begin[r] = (p.skew + min(first + r, p.rows - 1u) * p.row_bytes) / 16u;
  }
  float sums[VALUES];
  [[unroll]] for (uint k = 0u; k < VALUES; ++k) sums[k] = 0.0;
  // Two at a time, so that more is on its way; where there is no second, it is multiplied by zero.
  for (uint at = gl_LocalInvocationID.x; at < count; at += 2u * THREADS) {
    const bool more = at + THREADS < count;
    const uint next = more ? at + THREADS : at;
    uvec4 w[2u * ROWS];
    [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
      w[2u * r] = stored4[begin[r] + at];
      w[2u * r + 1u] = stored4[begin[r] + next];
    }
    [[unroll]] for (uint i = 0u; i < N; ++i) {
      const uint row = min(i, p.n - 1u) * (p.cols / 4u);
      const vec4 a = x[row + FOURS * at];
      const vec4 b = x[row + FOURS * at + FOURS - 1u];
      const vec4 c = more ? x[row + FOURS * next] : vec4(0.0);
      const vec4 d = more ? x[row + FOURS * next + FOURS - 1u] : vec4(0.0);
      [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
        sums[r * N + i] += product(w[2u * r], a, b) + product(w[2u * r + 1u], c, d);
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
