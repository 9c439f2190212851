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

// Cosine and sine of `position` times a frequency in turns, a 64-bit fraction (low word, high word):
// exact but for the last step, at any position, on devices whose own functions need not be.
vec2 cos_sin(uint position, uvec2 turns) {
  uint carry, low;
  umulExtended(position, turns.x, carry, low);
  const uint angle = position * turns.y + carry;       // 2^32 to a turn
  const uint quadrant = (angle + 0x20000000u) >> 30;   // to the nearest quarter
  const float a = float(int(angle - (quadrant << 30))) * 1.4629180792671596e-9;  // 2 pi / 2^32
  const float s = a * a;
  const float sine =
      a * (1.0 + s * (-1.6666667e-1 + s * (8.3333310e-3 + s * (-1.9840874e-4 + s * 2.7525562e-6))));
  const float cosine =
      1.0 + s * (-0.5 + s * (4.1666668e-2 + s * (-1.3888889e-3 + s * 2.4801587e-5)));
  if (quadrant == 0u) return vec2(cosine, sine);
  if (quadrant == 1u) return vec2(-sine, cosine);
  if (quadrant == 2u) return vec2(-cosine, -sine);
  return vec2(sine, -cosine);
}

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
