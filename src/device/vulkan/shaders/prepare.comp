// Rows made ready for products: normalised or gated, as float32, as int8, or both. `slices`
// workgroups share a row (as int8: 512 columns each), and each finds the row's norm by itself.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
const uint THREADS = 128;
const uint VALUES = 1;
layout(constant_id = 0) const uint NORM = 0;
layout(constant_id = 1) const uint GATE = 0;  // 0: none; else the Activation's number + 1
layout(constant_id = 2) const uint FLOATS = 1;
layout(constant_id = 3) const uint INT8 = 0;
layout(push_constant) uniform Parameters {
  uint cols, norm_at;
  float epsilon;
  uint lines_at;
  uint slices, count;  // of a row; of all rows
} p;
#include "common.glsl"
#include "ready.glsl"
layout(std430, binding = 3) writeonly buffer Floats { float result[]; };
layout(std430, binding = 4) writeonly buffer Int8 { uint words[]; };

#include "quantise.glsl"

void main() {
  const uint number = workgroup_number();
  if (number >= p.count) return;
  const uint row = number / p.slices;
  const uint each = INT8 != 0u ? 4u * THREADS : (p.cols + p.slices - 1u) / p.slices;
  const uint begin = number % p.slices * each;
  const uint t = gl_LocalInvocationID.x;
  const float factor = norm_factor(row);
  if (INT8 != 0u) {
    const uint column = begin + 4u * t;
    const bool inside = column < p.cols;
    vec4 value = vec4(0.0);
    if (inside) value = four_values_of(row, column, factor);
    quantise(value, row * p.cols + column, inside, p.lines_at);
    if (FLOATS == 0u || !inside) return;
    for (uint k = 0u; k < 4u; ++k) result[row * p.cols + column + k] = value[k];
  } else {
    for (uint column = begin + t; column < min(begin + each, p.cols); column += THREADS) {
      result[row * p.cols + column] = value_of(row, column, factor);
    }
  }
}
