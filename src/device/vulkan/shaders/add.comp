#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "common.glsl"
layout(std430, binding = 0) readonly buffer A { float a[]; };
layout(std430, binding = 1) readonly buffer B { float b[]; };
layout(std430, binding = 2) writeonly buffer Out { float result[]; };
layout(push_constant) uniform Parameters { uint count; } p;

void main() {
  const uint i = workgroup_number() * 128u + gl_LocalInvocationID.x;
  if (i < p.count) result[i] = a[i] + b[i];
}
