// The rows whose logits are wanted.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "common.glsl"
layout(std430, binding = 0) readonly buffer In { float x[]; };
layout(std430, binding = 1) readonly buffer Rows { uint words[]; };
layout(std430, binding = 2) writeonly buffer Out { float result[]; };
layout(push_constant) uniform Parameters { uint width, count, logit_row_at; } p;

void main() {
  const uint i = workgroup_number() * 128u + gl_LocalInvocationID.x;
  if (i >= p.count) return;
  result[i] = x[words[p.logit_row_at + i / p.width] * p.width + i % p.width];
}
