#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "common.glsl"
layout(std430, binding = 0) buffer Value { float value[]; };
layout(push_constant) uniform Parameters {
  uint count;
  float cap;
} p;

void main() {
  const uint i = workgroup_number() * 128u + gl_LocalInvocationID.x;
  if (i < p.count) value[i] = p.cap * tanh(clamp(value[i] / p.cap, -15.0, 15.0));
}
