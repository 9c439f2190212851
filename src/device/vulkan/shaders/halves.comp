// Rows made ready for products of cooperative matrices: normalised or gated, as float16. A workgroup
// a row. A row with values beyond float16's range is made smaller by a power of two; what it has to
// be multiplied by afterwards follows all rows, a float32 each.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
const uint THREADS = 128;
const uint VALUES = 1;
const float ROOM = 32768.0;
layout(constant_id = 0) const uint NORM = 0;
layout(constant_id = 1) const uint GATE = 0;  // 0: none; else the Activation's number + 1
layout(constant_id = 2) const uint FLOATS = 0;
layout(push_constant) uniform Parameters {
  uint cols, norm_at;
  float epsilon;
  uint scales_at, count;
} p;
#include "common.glsl"
#include "ready.glsl"
layout(std430, binding = 3) writeonly buffer Floats { vec4 result[]; };
layout(std430, binding = 4) writeonly buffer Halves { uvec2 halves[]; };
layout(std430, binding = 4) writeonly buffer Scales { float scales[]; };

shared float largest[THREADS];

void main() {
  const uint row = workgroup_number();
  if (row >= p.count) return;
  const uint t = gl_LocalInvocationID.x;
  const float factor = norm_factor(row);
  float most = 0.0;
  for (uint column = 4u * t; column < p.cols; column += 4u * THREADS) {
    const vec4 value = four_values_of(row, column, factor);
    const vec4 size = abs(value);
    most = max(most, max(max(size.x, size.y), max(size.z, size.w)));
    if (FLOATS != 0u) result[(row * p.cols + column) / 4u] = value;
  }
  largest[t] = most;
  barrier();
  for (uint i = 0u; i < THREADS; ++i) most = max(most, largest[i]);
  int exponent = 0;
  if (most > ROOM) frexp(most / ROOM, exponent);
  const float shrink = ldexp(1.0, -exponent);
  for (uint column = 4u * t; column < p.cols; column += 4u * THREADS) {
    const vec4 value = four_values_of(row, column, factor) * shrink;
    halves[(row * p.cols + column) / 4u] = uvec2(packHalf2x16(value.xy), packHalf2x16(value.zw));
  }
  if (t == 0u) scales[p.scales_at + row] = ldexp(1.0, exponent);
}
