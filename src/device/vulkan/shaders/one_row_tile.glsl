// Attention of attend_one.comp's row to KEYS positions at a time: keys and values of the next are on
// their way while these are worked on. A key is shared by KEY_LANES invocations, sixteen elements
// each, a value by LANES, eight columns each.
const uint KEY_LANES = KEY_WIDTH / 16;
const uint KEY_SLICES = THREADS / KEY_LANES;
const uint KEYS_EACH = (KEYS + KEY_SLICES - 1) / KEY_SLICES;
const uint LANES = VALUE_WIDTH / 8;
const uint SLICES = THREADS / LANES;
const uint VALUES_EACH = (KEYS + SLICES - 1) / SLICES;
const uint PITCH = HEADS * KEYS + 4;  // of what a lane adds to all scores: other banks
const uint JOINED = HEADS > 1u ? 2u : 1u;  // heads whose slices are there at once
const uint OF_KEYS = KEY_LANES * PITCH;
const uint OF_SLICES = JOINED * SLICES * VALUE_WIDTH;
const uint SCRATCH = OF_KEYS > OF_SLICES ? OF_KEYS : OF_SLICES;  // attention_shape.cc knows it too
shared float score[HEADS * KEYS];
shared float top[HEADS];
shared float sum[HEADS];
shared float factor[HEADS];
shared uint place[KEYS];  // head_in_cache
shared float scratch[SCRATCH];
shared float result[HEADS * VALUE_WIDTH];
uvec4 some_keys[2 * KEYS_EACH];
uvec4 some_values[VALUES_EACH];
vec4 own[2 * HEADS];  // results of a lane's columns, four at a time, head after head

// From position `at` on; by all of a workgroup, which has yet to wait for itself.
void find_places(uint at, uint end, uint kv_head) {
  const uint t = gl_LocalInvocationID.x;
  if (t < KEYS) place[t] = head_in_cache(p.places, 0u, min(at + t, end - 1u), p.kv_heads, kv_head);
}

void fetch_keys() {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint k = 0u; k < KEYS_EACH; ++k) {
    const uint key = min(t / KEY_LANES + KEY_SLICES * k, KEYS - 1u);
    const uint from = (place[key] * KEY_LANES + t % KEY_LANES) * 2u;
    some_keys[2u * k] = keys4[from];
    some_keys[2u * k + 1u] = keys4[from + 1u];
  }
}

void fetch_values() {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint k = 0u; k < VALUES_EACH; ++k) {
    some_values[k] = values4[place[min(t / LANES + SLICES * k, KEYS - 1u)] * LANES + t % LANES];
  }
}

vec4 low_halves(uvec4 eight) { return vec4(unpackHalf2x16(eight.x), unpackHalf2x16(eight.y)); }
vec4 high_halves(uvec4 eight) { return vec4(unpackHalf2x16(eight.z), unpackHalf2x16(eight.w)); }

// What each lane's elements add to the scores, into `scratch`. `new_key`: which of the keys is the
// row's own, not in the cache yet.
void multiply_keys(uint new_key) {
  const uint t = gl_LocalInvocationID.x;
  const uint lane = t % KEY_LANES;
  if (t >= KEY_SLICES * KEY_LANES) return;
  [[unroll]] for (uint k = 0u; k < KEYS_EACH; ++k) {
    const uint key = t / KEY_LANES + KEY_SLICES * k;
    if (key >= KEYS) break;
    vec4 w[4] = vec4[4](low_halves(some_keys[2u * k]), high_halves(some_keys[2u * k]),
                        low_halves(some_keys[2u * k + 1u]), high_halves(some_keys[2u * k + 1u]));
    if (key == new_key) {
      [[unroll]] for (uint i = 0u; i < 4u; ++i) w[i] = turned[HEADS * FOURS + 4u * lane + i];
    }
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
      float some = 0.0;
      [[unroll]] for (uint i = 0u; i < 4u; ++i) some += dot(turned[h * FOURS + 4u * lane + i], w[i]);
      scratch[lane * PITCH + h * KEYS + key] = some;
    }
  }
}

void add_scores(uint count) {
  for (uint i = gl_LocalInvocationID.x; i < HEADS * KEYS; i += THREADS) {
    float s = 0.0;
    [[unroll]] for (uint lane = 0u; lane < KEY_LANES; ++lane) s += scratch[lane * PITCH + i];
    s *= p.scale;
    if (p.soft_cap > 0.0) s = p.soft_cap * tanh(clamp(s / p.soft_cap, -15.0, 15.0));
    score[i] = i % KEYS < count ? s : NONE;
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

// Values of `count` positions, of which `new_key` is the row's own.
void add_values(uint count, uint new_key) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
    own[2u * h] *= factor[h];
    own[2u * h + 1u] *= factor[h];
  }
  if (t >= SLICES * LANES) return;
  [[unroll]] for (uint k = 0u; k < VALUES_EACH; ++k) {
    const uint key = t / LANES + SLICES * k;
    if (key >= count) break;
    vec4 a = low_halves(some_values[k]);
    vec4 b = high_halves(some_values[k]);
    if (key == new_key) {
      const uint from = 8u * (t % LANES);
      [[unroll]] for (uint c = 0u; c < 4u; ++c) {
        a[c] = new_value[from + c];
        b[c] = new_value[from + 4u + c];
      }
    }
    [[unroll]] for (uint h = 0u; h < HEADS; ++h) {
      own[2u * h] += score[h * KEYS + key] * a;
      own[2u * h + 1u] += score[h * KEYS + key] * b;
    }
  }
}

// Positions [begin, end), the first of which are on their way, into `own`.
void attend(uint begin, uint end, uint position, uint kv_head) {
  [[unroll]] for (uint i = 0u; i < 2u * HEADS; ++i) own[i] = vec4(0.0);
  for (uint at = begin; at < end; at += KEYS) {
    const uint count = min(KEYS, end - at);
    const bool more = at + KEYS < end;
    const uint new_key = position - at;  // more than there are: it is not among these
    multiply_keys(new_key);
    barrier();
    if (more) find_places(at + KEYS, end, kv_head);
    add_scores(count);
    barrier();
    if (more) fetch_keys();
    share_out();
    add_values(count, new_key);
    if (more) fetch_values();
  }
}

// Results of a head and a column from those of all slices, into `result`.
void join_slices() {
  const uint t = gl_LocalInvocationID.x;
  const uint each = SLICES * VALUE_WIDTH;
  barrier();
  [[unroll]] for (uint first = 0u; first < HEADS; first += JOINED) {
    [[unroll]] for (uint h = first; h < min(first + JOINED, HEADS); ++h) {
      if (t >= SLICES * LANES) break;
      [[unroll]] for (uint k = 0u; k < 8u; ++k) {
        scratch[(h - first) * each + 8u * t + k] = own[2u * h + k / 4u][k % 4u];
      }
    }
    barrier();
    const uint here = min(JOINED, HEADS - first);
    for (uint i = t; i < here * VALUE_WIDTH; i += THREADS) {
      float total = 0.0;
      for (uint s = 0u; s < SLICES; ++s) {
        total += scratch[i / VALUE_WIDTH * each + s * VALUE_WIDTH + i % VALUE_WIDTH];
      }
      result[first * VALUE_WIDTH + i] = total;
    }
    barrier();
  }
}
