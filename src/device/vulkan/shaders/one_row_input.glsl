// The row whose attention attend_one.comp finds: its queries and its key, normalised and turned, and
// its value, as the cache has them. A key has at most as many elements as a workgroup has
// invocations, and so has a value.
const uint QUERIES = (HEADS * KEY_WIDTH + THREADS - 1) / THREADS;  // elements an invocation
shared float raw[(HEADS + 1) * KEY_WIDTH];  // the key is the last
shared vec4 turned[(HEADS + 1) * FOURS];
shared vec2 turn[ROTATED / 2 + 1];  // cosine and sine of a pair
shared float new_value[VALUE_WIDTH];
float own_query[QUERIES], own_key, own_value;

float rounded_to_half(float x) { return unpackHalf2x16(packHalf2x16(vec2(x, 0.0))).x; }

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

// What the products left, on its way.
void fetch_row(uint first_head, uint kv_head) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < QUERIES; ++j) {
    const uint i = min(t + THREADS * j, HEADS * KEY_WIDTH - 1u);
    own_query[j] = floats[p.query_at + first_head * KEY_WIDTH + i];
  }
  own_key = floats[p.key_at + kv_head * KEY_WIDTH + min(t, KEY_WIDTH - 1u)];
  own_value = floats[p.value_at + kv_head * VALUE_WIDTH + min(t, VALUE_WIDTH - 1u)];
}

// What the products left, into `turned` and `new_value`, rounded as the cache has it.
void take_row(uint first_head, uint kv_head) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < QUERIES; ++j) {
    if (t + THREADS * j < HEADS * KEY_WIDTH) raw[t + THREADS * j] = own_query[j];
  }
  for (uint i = t; i < KEY_WIDTH; i += THREADS) raw[HEADS * KEY_WIDTH + i] = own_key;
  for (uint i = t; i < VALUE_WIDTH; i += THREADS) new_value[i] = rounded_to_half(own_value);
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
