#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint ACTIVATION = 0;
#include "common.glsl"
#include "activation.glsl"
layout(std430, binding = 0) readonly buffer Gate { float gate[]; };
layout(std430, binding = 1) readonly buffer Up { float up[]; };
layout(std430, binding = 2) writeonly buffer Out { float result[]; };
layout(push_constant) uniform Parameters { uint count; } p;

void main() {
  const uint i = workgroup_number() * 128u + gl_LocalInvocationID.x;
  if (i < p.count) result[i] = activated(ACTIVATION, gate[i]) * up[i];
}
