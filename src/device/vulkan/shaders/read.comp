// Reads all of a buffer once; what it adds up to goes to `sums`, so that nothing can be left out.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 128) in;
const uint AT_ONCE = 4;  // on their way
#include "common.glsl"
layout(std430, binding = 0) readonly buffer Data { uvec4 data[]; };
layout(std430, binding = 1) writeonly buffer Sums { uint sums[]; };
layout(push_constant) uniform Parameters { uint fours, threads; } p;

void main() {
  const uint own = workgroup_number() * 128u + gl_LocalInvocationID.x;
  uvec4 sum = uvec4(0u);
  for (uint i = own; i < p.fours; i += AT_ONCE * p.threads) {
    uvec4 some[AT_ONCE];
    [[unroll]] for (uint k = 0u; k < AT_ONCE; ++k) {
      some[k] = i + k * p.threads < p.fours ? data[i + k * p.threads] : uvec4(0u);
    }
    [[unroll]] for (uint k = 0u; k < AT_ONCE; ++k) sum += some[k];
  }
  sums[own] = sum.x + sum.y + sum.z + sum.w;
}
