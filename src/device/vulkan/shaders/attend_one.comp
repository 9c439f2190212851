// Attention of one row: HEADS heads that share a KV head, from queries, keys and values as products
// leave them. A workgroup turns its queries and the new key for itself; of those that share a KV head
// one writes key and value to the cache. Positions come KEYS at a time and are shared among as many
// of the `splits` workgroups as there is work for; the last of them to end joins the parts.
// Source: Dao et al. 2022 (the running maximum and sum).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 256) in;
const uint THREADS = 256;
layout(constant_id = 0) const uint HEADS = 1;
layout(constant_id = 1) const uint KEY_WIDTH = 64;    // both: whole sixteens
layout(constant_id = 2) const uint VALUE_WIDTH = 64;
layout(constant_id = 3) const uint ROTATED = 64;      // elements; 0: none
layout(constant_id = 4) const uint HALVES = 0;        // RopeLayout
layout(constant_id = 5) const uint QUERY_NORM = 0;
layout(constant_id = 6) const uint KEY_NORM = 0;
layout(constant_id = 7) const uint INT8 = 0;          // the result as products read it, too
const uint KEYS = 64;
const uint TEAM = THREADS / 16;  // invocations that share a head's norm or softmax
const uint FOURS = KEY_WIDTH / 4;
const uint MOST_SPLITS = 32;
const uint PARTS_AT = 1024;  // before them: `arrived`
const float NONE = -3.0e38;
#include "common.glsl"
#include "pages.glsl"
#include "rotation.glsl"
layout(std430, binding = 0) buffer Floats { float floats[]; };
layout(std430, binding = 1) writeonly buffer Keys { uint keys[]; };
layout(std430, binding = 1) readonly buffer Keys4 { uvec4 keys4[]; };
layout(std430, binding = 2) writeonly buffer Values { uint values[]; };
layout(std430, binding = 2) readonly buffer Values4 { uvec4 values4[]; };
layout(std430, binding = 4) writeonly buffer Int8 { uint rounded[]; };
layout(std430, binding = 5) coherent buffer Parts { float parts[]; };
layout(std430, binding = 5) coherent buffer Arrived { uint arrived[]; };  // of the parts of a tile
layout(std430, binding = 6) readonly buffer Frequencies { uvec2 frequency[]; };
layout(std430, binding = 6) readonly buffer Norms { float norms[]; };
layout(push_constant) uniform Parameters {
  uint heads, kv_heads, window, splits;
  float scale, soft_cap, query_epsilon, key_epsilon;
  uint query_at, key_at, value_at, out_at;  // in `floats`
  uint frequency_at;                        // in `frequency`
  uint query_norm_at, key_norm_at;          // in `norms`
  uint lines_at;                            // of the result as int8
  RowPlaces places;
} p;

shared float team[THREADS];

// `member` of the 16 that share something: what all of them handed in.
float team_sum(float own) {
  const uint t = gl_LocalInvocationID.x;
  team[t] = own;
  barrier();
  float all = 0.0;
  for (uint m = 0u; m < TEAM; ++m) all += team[t / TEAM * TEAM + m];
  barrier();
  return all;
}
float team_max(float own) {
  const uint t = gl_LocalInvocationID.x;
  team[t] = own;
  barrier();
  float all = NONE;
  for (uint m = 0u; m < TEAM; ++m) all = max(all, team[t / TEAM * TEAM + m]);
  barrier();
  return all;
}

#include "one_row_input.glsl"
#include "one_row_tile.glsl"
#include "one_row_parts.glsl"

void main() {
  const uint t = gl_LocalInvocationID.x;
  const uint tile = workgroup_number();
  const uint first_head = tile * HEADS;
  const uint sharing = p.heads / p.kv_heads;
  const uint kv_head = first_head / sharing;
  const uint position = words[p.places.position_at];
  const uint end = position + 1u;
  const uint begin = p.window > 0u && end > p.window ? end - p.window : 0u;
  const uint each = ((end - begin + p.splits - 1u) / p.splits + KEYS - 1u) / KEYS * KEYS;
  const uint busy = (end - begin + each - 1u) / each;
  const uint split = gl_WorkGroupID.z;
  if (first_head >= p.heads || split >= busy) return;
  const uint own_begin = begin + split * each;
  const uint own_end = min(own_begin + each, end);
  fetch_row(first_head, kv_head);
  find_places(own_begin, own_end, kv_head);
  barrier();
  fetch_keys();
  fetch_values();
  for (uint i = t; i < ROTATED / 2u; i += THREADS) {
    turn[i] = cos_sin(position, frequency[p.frequency_at + i]);
  }
  for (uint i = t; i < HEADS; i += THREADS) {
    top[i] = NONE;
    sum[i] = 0.0;
  }
  take_row(first_head, kv_head);
  if (split == busy - 1u && first_head % sharing == 0u) {
    append(head_in_cache(p.places, 0u, position, p.kv_heads, kv_head));
  }
  attend(own_begin, own_end, position, kv_head);
  join_slices();
  if (busy > 1u) {
    if (!hand_in(tile, split, busy)) return;
    join_parts(tile, busy);
  }
  put(first_head);
}
