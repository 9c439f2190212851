// Rows made ready for products: normalised or gated, as float32, as int8, or both. A workgroup a
// row. As int8: the integers of all rows, then a scale for each 32 columns, then for each 16 their
// sum times the scale.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
const uint THREADS = 128;
const uint VALUES = 1;
layout(constant_id = 0) const uint NORM = 0;
layout(constant_id = 1) const uint GATE = 0;  // 0: none; else the Activation's number + 1
layout(constant_id = 2) const uint FLOATS = 1;
layout(constant_id = 3) const uint INT8 = 0;
#include "reduce.glsl"
#include "common.glsl"
#include "activation.glsl"
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Gate { float gate[]; };
layout(std430, binding = 2) readonly buffer Norm { float norm[]; };
layout(std430, binding = 3) writeonly buffer Floats { float result[]; };
layout(std430, binding = 4) writeonly buffer Int8 { uint words[]; };
layout(push_constant) uniform Parameters {
  uint cols, norm_at;
  float epsilon;
  uint scales_at, sums_at;
} p;

float value_of(uint row, uint column, float factor) {
  const uint at = row * p.cols + column;
  float value = x[at];
  if (GATE != 0u) value *= activated(GATE - 1u, gate[at]);
  if (NORM != 0u) value *= factor * norm[p.norm_at + column];
  return value;
}

void quantise(uint row, uint group, float factor) {
  float value[32];
  float largest = 0.0;
  for (uint k = 0u; k < 32u; ++k) {
    value[k] = value_of(row, 32u * group + k, factor);
    largest = max(largest, abs(value[k]));
    if (FLOATS != 0u) result[row * p.cols + 32u * group + k] = value[k];
  }
  const float scale = largest / 127.0;
  const float inverse = largest > 0.0 ? 127.0 / largest : 0.0;
  const uint at = row * p.cols + 32u * group;
  for (uint run = 0u; run < 2u; ++run) {
    int sum = 0;
    for (uint word = 0u; word < 4u; ++word) {
      uint packed = 0u;
      for (uint k = 0u; k < 4u; ++k) {
        const int q = int(roundEven(value[16u * run + 4u * word + k] * inverse));
        sum += q;
        packed |= (uint(q) & 0xFFu) << (8u * k);
      }
      words[(at + 16u * run) / 4u + word] = packed;
    }
    words[p.sums_at + at / 16u + run] = floatBitsToUint(scale * float(sum));
  }
  words[p.scales_at + at / 32u] = floatBitsToUint(scale);
}

void main() {
  const uint row = workgroup_number();
  const uint t = gl_LocalInvocationID.x;
  float factor = 1.0;
  if (NORM != 0u) {
    float squares = 0.0;
    for (uint column = t; column < p.cols; column += THREADS) {
      const float value = x[row * p.cols + column];
      squares += value * value;
    }
    hand_in(0u, squares);
    barrier();
    factor = inversesqrt(total_of(0u) / float(p.cols) + p.epsilon);
  }
  if (INT8 != 0u) {
    for (uint group = t; group < p.cols / 32u; group += THREADS) quantise(row, group, factor);
  } else {
    for (uint column = t; column < p.cols; column += THREADS) {
      result[row * p.cols + column] = value_of(row, column, factor);
    }
  }
}
