// Attention of a tile: BATCH_ROWS rows of one sequence, HEADS heads that share a KV head. Positions
// come KEYS at a time, and are shared among `splits` workgroups, whose parts attend_join.comp joins.
// Source: Dao et al. 2022 (the running maximum and sum).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 128) in;
layout(constant_id = 0) const uint BATCH_ROWS = 1;
layout(constant_id = 1) const uint HEADS = 1;
layout(constant_id = 2) const uint KEY_WIDTH = 64;
layout(constant_id = 3) const uint VALUE_WIDTH = 64;
layout(constant_id = 4) const uint KEYS = 64;  // divides 128
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

const uint TEAM = 128 / 16;  // invocations that share a row's softmax: a tile has 16 rows at most
const uint SCORES = (ROWS * KEYS + 127) / 128;  // that one invocation finds
const uint FOURS = (KEY_WIDTH + 3) / 4;

shared vec4 q[ROWS * FOURS];
shared float score[ROWS * KEYS];
shared float top[ROWS];
shared float sum[ROWS];
shared float factor[ROWS];
shared float team[128];
shared uint place[KEYS];  // head_in_cache

// One key times rows `first` and every (128 / KEYS)th from there: it is read once for all of them.
void multiply_key(uint key, uint first, out float dots[SCORES]) {
  [[unroll]] for (uint j = 0u; j < SCORES; ++j) dots[j] = 0.0;
  if (KEY_WIDTH % 8u == 0u) {
    [[unroll]] for (uint i = 0u; i < FOURS; i += 2u) {
      const uvec4 eight = keys4[(key + 4u * i) / 8u];
      const vec4 a = vec4(unpackHalf2x16(eight.x), unpackHalf2x16(eight.y));
      const vec4 b = vec4(unpackHalf2x16(eight.z), unpackHalf2x16(eight.w));
      [[unroll]] for (uint j = 0u; j < SCORES; ++j) {
        const uint from = min(first + 128u / KEYS * j, ROWS - 1u) * FOURS + i;
        dots[j] += dot(q[from], a) + dot(q[from + 1u], b);
      }
    }
  } else {
    for (uint i = 0u; i < KEY_WIDTH; i += 2u) {
      const vec2 pair = unpackHalf2x16(keys[(key + i) / 2u]);
      [[unroll]] for (uint j = 0u; j < SCORES; ++j) {
        const vec4 four = q[min(first + 128u / KEYS * j, ROWS - 1u) * FOURS + i / 4u];
        dots[j] += dot((i & 2u) == 0u ? four.xy : four.zw, pair);
      }
    }
  }
}

// Scores of a row to shares: `member` of the row's team takes every TEAMth.
void share_out(uint row, uint member) {
  const uint t = gl_LocalInvocationID.x;
  float highest = NONE;
  if (row < ROWS) {
    highest = top[row];
    for (uint k = member; k < KEYS; k += TEAM) highest = max(highest, score[row * KEYS + k]);
  }
  team[t] = highest;
  barrier();
  for (uint m = 0u; m < TEAM; ++m) highest = max(highest, team[t - member + m]);
  barrier();
  float total = 0.0;
  if (row < ROWS) {
    for (uint k = member; k < KEYS; k += TEAM) {
      const float s = score[row * KEYS + k];
      const float share = s > NONE ? exp(s - highest) : 0.0;
      score[row * KEYS + k] = share;
      total += share;
    }
  }
  team[t] = total;
  barrier();
  if (row >= ROWS || member != 0u) return;
  const float less = exp(top[row] - highest);
  total = sum[row] * less;
  for (uint m = 0u; m < TEAM; ++m) total += team[t + m];
  top[row] = highest;
  sum[row] = total;
  factor[row] = less;
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

  for (uint i = t; i < ROWS * FOURS; i += 128u) {
    const uint row = min(first_row + i / (HEADS * FOURS), last_row);
    const uint from = (row * p.heads + first_head + i / FOURS % HEADS) * KEY_WIDTH;
    for (uint k = 0u; k < 4u; ++k) {
      const uint element = 4u * (i % FOURS) + k;
      q[i][k] = element < KEY_WIDTH ? query[from + element] : 0.0;
    }
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
  [[unroll]] for (uint j = 0u; j < OWN; ++j) own[j] = vec2(0.0);
  barrier();

  for (uint at = own_begin; at < own_end; at += KEYS) {
    if (t < KEYS && at + t < own_end) {
      place[t] = head_in_cache(p.places, first_row, at + t, p.kv_heads, kv_head);
    }
    barrier();
    const uint key = t % KEYS;
    const uint position = at + key;
    float dots[SCORES];
    if (position < own_end) multiply_key(place[key] * KEY_WIDTH, t / KEYS, dots);
    [[unroll]] for (uint j = 0u; j < SCORES; ++j) {
      const uint row = t / KEYS + 128u / KEYS * j;
      if (row >= ROWS) break;
      const uint now = words[p.places.position_at + min(first_row + row / HEADS, last_row)];
      float s = NONE;
      if (position < own_end && position <= now && (p.window == 0u || now - position < p.window)) {
        s = p.scale * dots[j];
        if (p.soft_cap > 0.0) s = p.soft_cap * tanh(clamp(s / p.soft_cap, -15.0, 15.0));
      }
      score[row * KEYS + key] = s;
    }
    barrier();
    share_out(t / TEAM, t % TEAM);
    barrier();
    [[unroll]] for (uint j = 0u; j < OWN; ++j) own[j] *= factor[min((t + 128u * j) / PAIRS, ROWS - 1u)];
    const uint count = min(KEYS, own_end - at);
    for (uint first = 0u; first < count; first += 8u) {  // eight on their way at once
      uint pairs[8u * OWN];
      [[unroll]] for (uint k = 0u; k < 8u; ++k) {
        const uint from = place[min(first + k, count - 1u)] * PAIRS;
        [[unroll]] for (uint j = 0u; j < OWN; ++j) {
          pairs[OWN * k + j] = values[from + (t + 128u * j) % PAIRS];
        }
      }
      [[unroll]] for (uint k = 0u; k < 8u; ++k) {  // beyond `count` shares are zero
        [[unroll]] for (uint j = 0u; j < OWN; ++j) {
          const uint row = min((t + 128u * j) / PAIRS, ROWS - 1u);
          own[j] += score[row * KEYS + first + k] * unpackHalf2x16(pairs[OWN * k + j]);
        }
      }
    }
    barrier();
  }

  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
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
