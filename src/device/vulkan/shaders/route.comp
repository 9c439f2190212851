// The best `used` of a row's scores, and their shares; of equal scores the first. A workgroup a row;
// an invocation has every 32nd expert, and keeps in a bit of its own which are taken.
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 32) in;
#include "common.glsl"
layout(std430, binding = 0) readonly buffer Scores { float scores[]; };
layout(std430, binding = 1) buffer Out { float result[]; };
layout(push_constant) uniform Parameters { uint experts, used, count; } p;
const uint NONE = 0xFFFFFFFFu;

shared uint best[32];
shared float best_score[32];

void main() {
  const uint row = workgroup_number();
  if (row >= p.count) return;
  const uint t = gl_LocalInvocationID.x;
  const uint to = row * 2u * p.used;
  uint taken = 0u;
  float highest = 0.0;
  float sum = 0.0;
  for (uint k = 0u; k < p.used; ++k) {
    uint own = NONE;
    float own_score = 0.0;
    for (uint expert = t; expert < p.experts; expert += 32u) {
      const float score = scores[row * p.experts + expert];
      const bool free = ((taken >> (expert / 32u)) & 1u) == 0u;
      if (free && (own == NONE || score > own_score)) {
        own = expert;
        own_score = score;
      }
    }
    best[t] = own;
    best_score[t] = own_score;
    barrier();
    uint chosen = NONE;
    float chosen_score = 0.0;
    for (uint i = 0u; i < 32u; ++i) {
      if (best[i] == NONE) continue;
      const bool earlier = best_score[i] == chosen_score && best[i] < chosen;
      if (chosen == NONE || best_score[i] > chosen_score || earlier) {
        chosen = best[i];
        chosen_score = best_score[i];
      }
    }
    barrier();
    if (chosen % 32u == t) taken |= 1u << (chosen / 32u);
    if (k == 0u) highest = chosen_score;
    const float share = exp(chosen_score - highest);
    sum += share;
    if (t == 0u) {
      result[to + k] = float(chosen);
      result[to + p.used + k] = share;
    }
  }
  if (t != 0u) return;
  for (uint k = 0u; k < p.used; ++k) result[to + p.used + k] /= sum;
}
