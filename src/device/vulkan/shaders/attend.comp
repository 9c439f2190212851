// Attention of a tile: BATCH_ROWS rows of one sequence, HEADS heads that share a KV head. Positions
// come KEYS at a time, and are shared among `splits` workgroups, whose parts attend_join.comp joins.
// Source: Dao et al. 2022 (the running maximum and sum).
#version 450
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint BATCH_ROWS = 1;
layout(constant_id = 1) const uint HEADS = 1;
layout(constant_id = 2) const uint KEY_WIDTH = 64;
layout(constant_id = 3) const uint VALUE_WIDTH = 64;
layout(constant_id = 4) const uint KEYS = 64;
layout(constant_id = 5) const uint SPLIT = 0;
const uint ROWS = BATCH_ROWS * HEADS;
const uint PAIRS = VALUE_WIDTH / 2;
const uint OWN = (ROWS * PAIRS + 127) / 128;  // pairs of results that one invocation sums
const float NONE = -3.0e38;
#include "common.glsl"
#include "pages.glsl"
layout(std430, binding = 0) readonly buffer Query { float query[]; };
layout(std430, binding = 1) readonly buffer Keys { uint keys[]; };
layout(std430, binding = 1) readonly buffer Keys4 { uvec4 keys4[]; };
layout(std430, binding = 2) readonly buffer Values { uint values[]; };
layout(std430, binding = 4) writeonly buffer Out { float result[]; };
layout(std430, binding = 5) writeonly buffer Parts { float parts[]; };
layout(push_constant) uniform Parameters {
  uint n, heads, kv_heads, window, splits;
  float scale, soft_cap;
  RowPlaces places;
} p;

shared float q[ROWS * KEY_WIDTH];
shared float score[ROWS * KEYS];
shared float top[ROWS];
shared float sum[ROWS];
shared float factor[ROWS];
shared uint place[KEYS];  // head_in_cache

float dot_of(uint row, uint key) {
  float total = 0.0;
  if (KEY_WIDTH % 8u == 0u) {
    for (uint i = 0u; i < KEY_WIDTH; i += 8u) {
      const uvec4 four = keys4[(key + i) / 8u];
      for (uint k = 0u; k < 4u; ++k) {
        const vec2 pair = unpackHalf2x16(four[k]);
        const uint at = row * KEY_WIDTH + i + 2u * k;
        total += q[at] * pair.x + q[at + 1u] * pair.y;
      }
    }
  } else {
    for (uint i = 0u; i < KEY_WIDTH; i += 2u) {
      const vec2 pair = unpackHalf2x16(keys[(key + i) / 2u]);
      total += q[row * KEY_WIDTH + i] * pair.x + q[row * KEY_WIDTH + i + 1u] * pair.y;
    }
  }
  return total;
}

void main() {
  const uint t = gl_LocalInvocationID.x;
  const uint head_tiles = p.heads / HEADS;
  const uint number = workgroup_number();
  const uint first_row = number / head_tiles * BATCH_ROWS;
  const uint first_head = number % head_tiles * HEADS;
  const uint kv_head = first_head / (p.heads / p.kv_heads);
  if (first_row >= p.n) return;
  const uint last_row = min(first_row + BATCH_ROWS, p.n) - 1u;

  for (uint i = t; i < ROWS * KEY_WIDTH; i += 128u) {
    const uint row = min(first_row + i / (HEADS * KEY_WIDTH), last_row);
    q[i] = query[(row * p.heads + first_head) * KEY_WIDTH + i % (HEADS * KEY_WIDTH)];
  }
  for (uint i = t; i < ROWS; i += 128u) {
    top[i] = NONE;
    sum[i] = 0.0;
  }
  const uint first_position = words[p.places.position_at + first_row];
  const uint end = words[p.places.position_at + last_row] + 1u;
  const bool beyond = p.window > 0u && first_position + 1u > p.window;
  const uint begin = beyond ? first_position + 1u - p.window : 0u;
  const uint each = ((end - begin + p.splits - 1u) / p.splits + KEYS - 1u) / KEYS * KEYS;
  const uint own_begin = begin + gl_WorkGroupID.z * each;
  const uint own_end = min(own_begin + each, end);
  vec2 own[OWN];
  for (uint j = 0u; j < OWN; ++j) own[j] = vec2(0.0);
  barrier();

  for (uint at = own_begin; at < own_end; at += KEYS) {
    if (t < KEYS && at + t < own_end) {
      place[t] = head_in_cache(p.places, first_row, at + t, p.kv_heads, kv_head);
    }
    barrier();
    for (uint i = t; i < ROWS * KEYS; i += 128u) {
      const uint row = i / KEYS;
      const uint position = at + i % KEYS;
      const uint batch_row = min(first_row + row / HEADS, last_row);
      const uint now = words[p.places.position_at + batch_row];
      float s = NONE;
      if (position < own_end && position <= now && (p.window == 0u || now - position < p.window)) {
        s = p.scale * dot_of(row, place[i % KEYS] * KEY_WIDTH);
        if (p.soft_cap > 0.0) s = p.soft_cap * tanh(clamp(s / p.soft_cap, -15.0, 15.0));
      }
      score[i] = s;
    }
    barrier();
    for (uint row = t; row < ROWS; row += 128u) {
      float highest = top[row];
      for (uint k = 0u; k < KEYS; ++k) highest = max(highest, score[row * KEYS + k]);
      const float less = exp(top[row] - highest);
      float total = sum[row] * less;
      for (uint k = 0u; k < KEYS; ++k) {
        const float s = score[row * KEYS + k];
        const float share = s > NONE ? exp(s - highest) : 0.0;
        score[row * KEYS + k] = share;
        total += share;
      }
      top[row] = highest;
      sum[row] = total;
      factor[row] = less;
    }
    barrier();
    const uint count = min(KEYS, own_end - at);
    for (uint j = 0u; j < OWN; ++j) {
      const uint item = t + 128u * j;
      if (item >= ROWS * PAIRS) break;
      const uint row = item / PAIRS;
      vec2 total = own[j] * factor[row];
      for (uint k = 0u; k < count; ++k) {
        total += score[row * KEYS + k] * unpackHalf2x16(values[place[k] * PAIRS + item % PAIRS]);
      }
      own[j] = total;
    }
    barrier();
  }

  for (uint j = 0u; j < OWN; ++j) {
    const uint item = t + 128u * j;
    if (item >= ROWS * PAIRS) break;
    const uint row = item / PAIRS;
    const uint batch_row = first_row + row / HEADS;
    if (batch_row > last_row) break;
    const uint place = batch_row * p.heads + first_head + row % HEADS;
    if (SPLIT == 0u) {
      const uint to = place * VALUE_WIDTH + 2u * (item % PAIRS);
      result[to] = own[j].x / sum[row];
      result[to + 1u] = own[j].y / sum[row];
    } else {
      const uint to = (place * p.splits + gl_WorkGroupID.z) * (VALUE_WIDTH + 2u);
      parts[to + 2u * (item % PAIRS)] = own[j].x;
      parts[to + 2u * (item % PAIRS) + 1u] = own[j].y;
      if (item % PAIRS == 0u) {
        parts[to + VALUE_WIDTH] = top[row];
        parts[to + VALUE_WIDTH + 1u] = sum[row];
      }
    }
  }
}
