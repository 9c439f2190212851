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
const uint SCORES = (HEADS * KEYS + THREADS - 1) / THREADS;  // that one invocation finds
const uint LANES = VALUE_WIDTH / 8;    // invocations with eight columns each
const uint SLICES = THREADS / LANES;   // of KEYS positions
const uint FOURS = KEY_WIDTH / 4;
const uint OWN = 2 * HEADS;
const uint MOST_SPLITS = 32;
const uint PARTS_AT = 1024;  // before them: `arrived`
const float NONE = -3.0e38;
#include "common.glsl"
#include "pages.glsl"
#include "rotation.glsl"
layout(std430, binding = 0) buffer Floats { float floats[]; };
layout(std430, binding = 1) buffer Keys { uint keys[]; };
layout(std430, binding = 1) buffer Keys4 { uvec4 keys4[]; };
layout(std430, binding = 2) buffer Values { uint values[]; };
layout(std430, binding = 2) buffer Values4 { uvec4 values4[]; };
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
  uint scales_at, sums_at;                  // of the result as int8
  RowPlaces places;
} p;

shared float raw[(HEADS + 1) * KEY_WIDTH];  // the key is the last
shared vec4 turned[(HEADS + 1) * FOURS];
shared vec2 turn[ROTATED / 2 + 1];  // cosine and sine of a pair
shared float new_value[VALUE_WIDTH];
shared float score[HEADS * KEYS];
shared float top[HEADS];
shared float sum[HEADS];
shared float factor[HEADS];
shared float team[THREADS];
shared uint place[KEYS];  // head_in_cache
shared float slices[SLICES * VALUE_WIDTH];
shared float result[HEADS * VALUE_WIDTH];
shared float share[HEADS * MOST_SPLITS];
shared bool is_last;
vec4 own[OWN];  // results of a lane's columns, four at a time, head after head

float rounded_to_half(float x) { return unpackHalf2x16(packHalf2x16(vec2(x, 0.0))).x; }

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

// Queries (or the key), normalised: heads `first` of `raw` and on.
void normalise(uint first, uint count, uint norm_at, float epsilon) {
  const uint head = gl_LocalInvocationID.x / TEAM;
  const uint member = gl_LocalInvocationID.x % TEAM;
  float squares = 0.0;
  if (head < count) {
    for (uint i = member; i < KEY_WIDTH; i += TEAM) {
      const float x = raw[(first + head) * KEY_WIDTH + i];
      squares += x * x;
    }
  }
  const float scale = inversesqrt(team_sum(squares) / float(KEY_WIDTH) + epsilon);
  if (head < count) {
    for (uint i = member; i < KEY_WIDTH; i += TEAM) {
      raw[(first + head) * KEY_WIDTH + i] *= scale * norms[norm_at + i];
    }
  }
  barrier();
}

float turned_element(uint head, uint element) {
  const uint from = head * KEY_WIDTH;
  if (element >= ROTATED) return raw[from + element];
  const bool halves = HALVES != 0u;
  const uint pair = halves ? element % (ROTATED / 2u) : element / 2u;
  const bool second = halves ? element >= ROTATED / 2u : (element & 1u) != 0u;
  const float a = raw[from + (halves ? pair : 2u * pair)];
  const float b = raw[from + (halves ? pair + ROTATED / 2u : 2u * pair + 1u)];
  const vec2 by = turn[pair];
  return second ? a * by.y + b * by.x : a * by.x - b * by.y;
}

// What the products left, into `turned` and `new_value`, rounded as the cache has it.
void take_row(uint first_head, uint kv_head) {
  const uint t = gl_LocalInvocationID.x;
  for (uint i = t; i < HEADS * KEY_WIDTH; i += THREADS) {
    raw[i] = floats[p.query_at + first_head * KEY_WIDTH + i];
  }
  for (uint i = t; i < KEY_WIDTH; i += THREADS) {
    raw[HEADS * KEY_WIDTH + i] = floats[p.key_at + kv_head * KEY_WIDTH + i];
  }
  for (uint i = t; i < VALUE_WIDTH; i += THREADS) {
    new_value[i] = rounded_to_half(floats[p.value_at + kv_head * VALUE_WIDTH + i]);
  }
  barrier();
  if (QUERY_NORM != 0u) normalise(0u, HEADS, p.query_norm_at, p.query_epsilon);
  if (KEY_NORM != 0u) normalise(HEADS, 1u, p.key_norm_at, p.key_epsilon);
  for (uint i = t; i < (HEADS + 1u) * KEY_WIDTH; i += THREADS) {
    const uint head = i / KEY_WIDTH;
    const float x = turned_element(head, i % KEY_WIDTH);
    turned[i / 4u][i % 4u] = head == HEADS ? rounded_to_half(x) : x;
  }
  barrier();
}

// The new key and value, into the cache.
void append(uint to) {
  const uint t = gl_LocalInvocationID.x;
  for (uint i = t; i < KEY_WIDTH / 2u; i += THREADS) {
    const vec4 four = turned[HEADS * FOURS + i / 2u];
    keys[to * (KEY_WIDTH / 2u) + i] = packHalf2x16((i & 1u) == 0u ? four.xy : four.zw);
  }
  for (uint i = t; i < VALUE_WIDTH / 2u; i += THREADS) {
    values[to * (VALUE_WIDTH / 2u) + i] = packHalf2x16(vec2(new_value[2u * i], new_value[2u * i + 1u]));
  }
}

// One key times heads `first` and every (THREADS / KEYS)th from there.
void multiply_key(uint key, uint first, bool is_new, out float dots[SCORES]) {
  [[unroll]] for (uint j = 0u; j < SCORES; ++j) dots[j] = 0.0;
  if (is_new) {
    for (uint i = 0u; i < FOURS; ++i) {
      [[unroll]] for (uint j = 0u; j < SCORES; ++j) {
        const uint head = min(first + THREADS / KEYS * j, HEADS - 1u);
        dots[j] += dot(turned[head * FOURS + i], turned[HEADS * FOURS + i]);
      }
    }
    return;
  }
  [[unroll]] for (uint i = 0u; i < FOURS; i += 2u) {
    const uvec4 eight = keys4[(key * KEY_WIDTH + 4u * i) / 8u];
    const vec4 a = vec4(unpackHalf2x16(eight.x), unpackHalf2x16(eight.y));
    const vec4 b = vec4(unpackHalf2x16(eight.z), unpackHalf2x16(eight.w));
    [[unroll]] for (uint j = 0u; j < SCORES; ++j) {
      const uint from = min(first + THREADS / KEYS * j, HEADS - 1u) * FOURS + i;
      dots[j] += dot(turned[from], a) + dot(turned[from + 1u], b);
    }
  }
}

// Scores to shares, a team a head.
void share_out() {
  const uint head = gl_LocalInvocationID.x / TEAM;
  const uint member = gl_LocalInvocationID.x % TEAM;
  float highest = NONE;
  if (head < HEADS) {
    highest = top[head];
    for (uint k = member; k < KEYS; k += TEAM) highest = max(highest, score[head * KEYS + k]);
  }
  highest = team_max(highest);
  float total = 0.0;
  if (head < HEADS) {
    for (uint k = member; k < KEYS; k += TEAM) {
      const float s = score[head * KEYS + k];
      const float part = s > NONE ? exp(s - highest) : 0.0;
      score[head * KEYS + k] = part;
      total += part;
    }
  }
  total = team_sum(total);
  if (head < HEADS && member == 0u) {
    const float less = exp(top[head] - highest);
    factor[head] = less;
    sum[head] = sum[head] * less + total;
    top[head] = highest;
  }
  barrier();
}

// Results of a head and a column from those of all slices, into `result`.
void join_slices() {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
    if (t < SLICES * LANES) {
      [[unroll]] for (uint k = 0u; k < 8u; ++k) slices[8u * t + k] = own[2u * h + k / 4u][k % 4u];
    }
    barrier();
    for (uint column = t; column < VALUE_WIDTH; column += THREADS) {
      float total = 0.0;
      for (uint s = 0u; s < SLICES; ++s) total += slices[s * VALUE_WIDTH + column];
      result[h * VALUE_WIDTH + column] = total;
    }
    barrier();
  }
}

// The parts of `busy` workgroups, of which the last to come has got here, into `result`.
void join_parts(uint tile, uint busy) {
  const uint t = gl_LocalInvocationID.x;
  const uint pitch = VALUE_WIDTH + 2u;
  const uint begin = PARTS_AT + tile * HEADS * p.splits * pitch;
  for (uint h = t; h < HEADS; h += THREADS) {
    float highest = NONE;
    for (uint s = 0u; s < busy; ++s) {
      const float other = parts[begin + (h * p.splits + s) * pitch + VALUE_WIDTH];
      share[h * MOST_SPLITS + s] = other;
      highest = max(highest, other);
    }
    float total = 0.0;
    for (uint s = 0u; s < busy; ++s) {
      const float less = exp(share[h * MOST_SPLITS + s] - highest);
      share[h * MOST_SPLITS + s] = less;
      total += less * parts[begin + (h * p.splits + s) * pitch + VALUE_WIDTH + 1u];
    }
    sum[h] = total;
  }
  barrier();
  for (uint i = t; i < HEADS * VALUE_WIDTH; i += THREADS) {
    const uint h = i / VALUE_WIDTH;
    float total = 0.0;
    for (uint s = 0u; s < busy; ++s) {
      total += share[h * MOST_SPLITS + s] * parts[begin + (h * p.splits + s) * pitch + i % VALUE_WIDTH];
    }
    result[i] = total;
  }
  barrier();
}

// `result`, to where products read it: 32 columns share a scale.
void put(uint first_head) {
  const uint t = gl_LocalInvocationID.x;
  for (uint i = t; i < HEADS * VALUE_WIDTH; i += THREADS) {
    result[i] /= sum[i / VALUE_WIDTH];
    floats[p.out_at + first_head * VALUE_WIDTH + i] = result[i];
  }
  if (INT8 == 0u) return;
  barrier();
  for (uint i = t; i < HEADS * VALUE_WIDTH / 4u; i += THREADS) {
    float most = 0.0;
    for (uint k = 0u; k < 32u; ++k) most = max(most, abs(result[i / 8u * 32u + k]));
    const float scale = most / 127.0;
    const float inverse = most > 0.0 ? 127.0 / most : 0.0;
    uint word = 0u;
    for (uint k = 0u; k < 4u; ++k) {
      word |= (uint(int(roundEven(result[4u * i + k] * inverse))) & 0xFFu) << (8u * k);
    }
    const uint at = first_head * VALUE_WIDTH + 4u * i;
    rounded[at / 4u] = word;
    if (i % 4u != 0u) continue;
    int total = 0;
    for (uint k = 0u; k < 16u; ++k) total += int(roundEven(result[4u * i + k] * inverse));
    rounded[p.sums_at + at / 16u] = floatBitsToUint(scale * float(total));
    if (i % 8u == 0u) rounded[p.scales_at + at / 32u] = floatBitsToUint(scale);
  }
}

// Positions [begin, end) of the tile, into `own`.
void attend(uint begin, uint end, uint position, uint kv_head) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint i = 0u; i < OWN; ++i) own[i] = vec4(0.0);
  for (uint at = begin; at < end; at += KEYS) {
    if (t < KEYS && at + t < end) {
      place[t] = head_in_cache(p.places, 0u, at + t, p.kv_heads, kv_head);
    }
    barrier();
    const uint key = t % KEYS;
    float dots[SCORES];
    if (at + key < end) multiply_key(place[key], t / KEYS, at + key == position, dots);
    [[unroll]] for (uint j = 0u; j < SCORES; ++j) {
      const uint head = t / KEYS + THREADS / KEYS * j;
      if (head >= HEADS) break;
      float s = NONE;
      if (at + key < end) {
        s = p.scale * dots[j];
        if (p.soft_cap > 0.0) s = p.soft_cap * tanh(clamp(s / p.soft_cap, -15.0, 15.0));
      }
      score[head * KEYS + key] = s;
    }
    barrier();
    share_out();
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
      own[2u * h] *= factor[h];
      own[2u * h + 1u] *= factor[h];
    }
    const uint lane = t % LANES;
    if (t < SLICES * LANES) {
      const uint count = min(KEYS, end - at);
      [[unroll]] for (uint first = 0u; first < KEYS; first += SLICES) {
        const uint k = first + t / LANES;
        if (k >= count) break;
        uvec4 eight = values4[place[k] * LANES + lane];
        if (at + k == position) {
          [[unroll]] for (uint c = 0u; c < 4u; ++c) {
            const uint from = 8u * lane + 2u * c;
            eight[c] = packHalf2x16(vec2(new_value[from], new_value[from + 1u]));
          }
        }
        const vec4 a = vec4(unpackHalf2x16(eight.x), unpackHalf2x16(eight.y));
        const vec4 b = vec4(unpackHalf2x16(eight.z), unpackHalf2x16(eight.w));
        [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
          own[2u * h] += score[h * KEYS + k] * a;
          own[2u * h + 1u] += score[h * KEYS + k] * b;
        }
      }
    }
    barrier();
  }
}

// What this workgroup has of the tile, to where the last of them finds it. True: this is the last.
bool hand_in(uint tile, uint split, uint busy) {
  const uint t = gl_LocalInvocationID.x;
  const uint pitch = VALUE_WIDTH + 2u;
  const uint to = PARTS_AT + (tile * HEADS * p.splits + split) * pitch;
  for (uint i = t; i < HEADS * VALUE_WIDTH; i += THREADS) {
    parts[to + i / VALUE_WIDTH * p.splits * pitch + i % VALUE_WIDTH] = result[i];
  }
  for (uint h = t; h < HEADS; h += THREADS) {
    const uint at = to + h * p.splits * pitch + VALUE_WIDTH;
    parts[at] = top[h];
    parts[at + 1u] = sum[h];
  }
  memoryBarrierBuffer();
  barrier();
  if (t == 0u) {
    is_last = atomicAdd(arrived[tile], 1u) == busy - 1u;
    if (is_last) arrived[tile] = 0u;
  }
  barrier();
  memoryBarrierBuffer();
  return is_last;
}

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
