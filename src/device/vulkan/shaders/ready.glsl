// A value of a row as products read it: gated or normalised. Defined before inclusion: the constants
// NORM, GATE (0: none; else the Activation's number + 1), and what reduce.glsl wants; `p` has cols,
// norm_at and epsilon. Bindings 0 to 2.
#include "reduce.glsl"
#include "activation.glsl"
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(std430, binding = 1) readonly buffer Gate { float gate[]; };
layout(std430, binding = 1) readonly buffer Gate4 { vec4 gate4[]; };
layout(std430, binding = 2) readonly buffer Norm { float norm[]; };

float value_of(uint row, uint column, float factor) {
  const uint at = row * p.cols + column;
  float value = x[at];
  if (GATE != 0u) value *= activated(GATE - 1u, gate[at]);
  if (NORM != 0u) value *= factor * norm[p.norm_at + column];
  return value;
}

// Four columns at once, in rows of whole fours.
vec4 four_values_of(uint row, uint column, float factor) {
  const uint at = (row * p.cols + column) / 4u;
  vec4 value = x4[at];
  if (GATE != 0u) {
    const vec4 g = gate4[at];
    for (int i = 0; i < 4; ++i) value[i] *= activated(GATE - 1u, g[i]);
  }
  if (NORM != 0u) {
    const uint n = p.norm_at + column;
    value *= factor * vec4(norm[n], norm[n + 1u], norm[n + 2u], norm[n + 3u]);
  }
  return value;
}

// By all of a workgroup, which thereby waits for itself.
float norm_factor(uint row) {
  if (NORM == 0u) return 1.0;
  float squares = 0.0;
  if (p.cols % 4u == 0u) {
    for (uint i = gl_LocalInvocationID.x; i < p.cols / 4u; i += THREADS) {
      const vec4 value = x4[row * p.cols / 4u + i];
      squares += dot(value, value);
    }
  } else {
    for (uint i = gl_LocalInvocationID.x; i < p.cols; i += THREADS) {
      const float value = x[row * p.cols + i];
      squares += value * value;
    }
  }
  hand_in(0u, squares);
  barrier();
  return inversesqrt(total_of(0u) / float(p.cols) + p.epsilon);
}
