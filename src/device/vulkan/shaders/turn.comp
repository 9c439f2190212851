// One head of one row: normalised, turned by its position, and put back or into the KV cache.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 32) in;
const uint THREADS = 32;
const uint VALUES = 1;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint ROTATED = 64;  // elements; 0: none
layout(constant_id = 2) const uint HALVES = 0;    // RopeLayout
layout(constant_id = 3) const uint NORM = 0;
layout(constant_id = 4) const uint STORE = 0;     // into the cache
#include "reduce.glsl"
#include "common.glsl"
#include "pages.glsl"
#include "rotation.glsl"
layout(std430, binding = 0) readonly buffer In { float x[]; };
layout(std430, binding = 1) readonly buffer Norm { float norm[]; };
layout(std430, binding = 2) readonly buffer Frequencies { uvec2 frequency[]; };
layout(std430, binding = 4) writeonly buffer Out { float result[]; };
layout(std430, binding = 5) writeonly buffer Cache { uint cache[]; };
layout(push_constant) uniform Parameters {
  uint heads, count, norm_at;
  float epsilon;
  RowPlaces places;
} p;

shared float head[WIDTH];

float turned(uint element, uint position) {
  if (element >= ROTATED) return head[element];
  const bool halves = HALVES != 0u;
  const uint pair = halves ? element % (ROTATED / 2u) : element / 2u;
  const bool second = halves ? element >= ROTATED / 2u : (element & 1u) != 0u;
  const vec2 turn = cos_sin(position, frequency[pair]);
  const uint a = halves ? pair : 2u * pair;
  const uint b = halves ? pair + ROTATED / 2u : 2u * pair + 1u;
  return second ? head[a] * turn.y + head[b] * turn.x : head[a] * turn.x - head[b] * turn.y;
}

void main() {
  const uint number = workgroup_number();
  if (number >= p.count) return;
  const uint row = number / p.heads;
  const uint t = gl_LocalInvocationID.x;
  const uint begin = number * WIDTH;
  float factor = 1.0;
  if (NORM != 0u) {
    float squares = 0.0;
    for (uint i = t; i < WIDTH; i += THREADS) squares += x[begin + i] * x[begin + i];
    hand_in(0u, squares);
    barrier();
    factor = inversesqrt(total_of(0u) / float(WIDTH) + p.epsilon);
  }
  for (uint i = t; i < WIDTH; i += THREADS) {
    float value = x[begin + i];
    if (NORM != 0u) value *= factor * norm[p.norm_at + i];
    head[i] = value;
  }
  barrier();
  const uint position = words[p.places.position_at + row];
  uint to = 0u;
  if (STORE != 0u) {
    to = WIDTH * head_in_cache(p.places, row, position, p.heads, number % p.heads);
  }
  for (uint i = 2u * t; i < WIDTH; i += 2u * THREADS) {
    const vec2 pair = vec2(turned(i, position), turned(i + 1u, position));
    if (STORE != 0u) {
      cache[(to + i) / 2u] = packHalf2x16(pair);
    } else {
      result[begin + i] = pair.x;
      result[begin + i + 1u] = pair.y;
    }
  }
}
