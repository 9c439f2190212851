// Each run of `group` elements normalised by itself. A workgroup a run.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
const uint THREADS = 64;
const uint VALUES = 1;
#include "reduce.glsl"
#include "common.glsl"
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Norm { float norm[]; };
layout(std430, binding = 2) writeonly buffer Out { float result[]; };
layout(push_constant) uniform Parameters {
  uint group, count, norm_at;
  float epsilon;
} p;

void main() {
  const uint number = workgroup_number();
  if (number >= p.count) return;
  const uint t = gl_LocalInvocationID.x;
  const uint begin = number * p.group;
  float squares = 0.0;
  for (uint i = t; i < p.group; i += THREADS) squares += x[begin + i] * x[begin + i];
  hand_in(0u, squares);
  barrier();
  const float factor = inversesqrt(total_of(0u) / float(p.group) + p.epsilon);
  for (uint i = t; i < p.group; i += THREADS) {
    result[begin + i] = x[begin + i] * factor * norm[p.norm_at + i];
  }
}
