// Joins the parts of attend.comp. A workgroup a head of a row. With INT8 the result is written as
// products read it, too.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
const uint THREADS = 64;
const uint MOST_SPLITS = 16;
layout(constant_id = 0) const uint INT8 = 0;
#include "common.glsl"
layout(std430, binding = 0) readonly buffer Parts { float parts[]; };
layout(std430, binding = 1) writeonly buffer Out { float result[]; };
layout(std430, binding = 2) writeonly buffer Int8 { uint words[]; };
layout(push_constant) uniform Parameters { uint width, splits, count, lines_at; } p;
#include "quantise.glsl"

shared float share[MOST_SPLITS];

float joined(uint begin, uint column) {
  float total = 0.0;
  for (uint s = 0u; s < p.splits; ++s) total += parts[begin + s * (p.width + 2u) + column] * share[s];
  return total;
}

void main() {
  const uint number = workgroup_number();
  if (number >= p.count) return;
  const uint t = gl_LocalInvocationID.x;
  const uint pitch = p.width + 2u;
  const uint begin = number * p.splits * pitch;
  float highest = parts[begin + p.width];
  for (uint s = 1u; s < p.splits; ++s) highest = max(highest, parts[begin + s * pitch + p.width]);
  float sum = 0.0;
  for (uint s = 0u; s < p.splits; ++s) {
    const uint end = begin + s * pitch + p.width;
    const float factor = exp(parts[end] - highest);
    sum += parts[end + 1u] * factor;
    if (t == 0u) share[s] = factor;
  }
  barrier();
  for (uint first = 0u; first < p.width; first += 4u * THREADS) {
    const uint column = first + 4u * t;
    vec4 value = vec4(0.0);
    for (uint k = 0u; k < min(4u, p.width - min(column, p.width)); ++k) {
      value[k] = joined(begin, column + k) / sum;
      result[number * p.width + column + k] = value[k];
    }
    if (INT8 == 0u) continue;
    quantise(value, number * p.width + column, column < p.width, p.lines_at);
    barrier();
  }
}
