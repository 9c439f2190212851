// Joins the parts of attend.comp. A workgroup a head of a row.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "common.glsl"
layout(std430, binding = 0) readonly buffer Parts { float parts[]; };
layout(std430, binding = 1) writeonly buffer Out { float result[]; };
layout(push_constant) uniform Parameters { uint width, splits, count; } p;

void main() {
  const uint number = workgroup_number();
  if (number >= p.count) return;
  const uint pitch = p.width + 2u;
  const uint begin = number * p.splits * pitch;
  float highest = parts[begin + p.width];
  for (uint s = 1u; s < p.splits; ++s) highest = max(highest, parts[begin + s * pitch + p.width]);
  float sum = 0.0;
  for (uint s = 0u; s < p.splits; ++s) {
    const uint end = begin + s * pitch + p.width;
    sum += parts[end + 1u] * exp(parts[end] - highest);
  }
  for (uint i = gl_LocalInvocationID.x; i < p.width; i += 64u) {
    float total = 0.0;
    for (uint s = 0u; s < p.splits; ++s) {
      const uint at = begin + s * pitch;
      total += parts[at + i] * exp(parts[at + p.width] - highest);
    }
    result[number * p.width + i] = total / sum;
  }
}
