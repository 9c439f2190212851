// Results of several workgroups of attend_one.comp become one, and go where they are read.
const uint AT_ONCE = 8;  // parts on their way: one after the other would wait for each
shared vec2 share[HEADS * MOST_SPLITS];  // a part's largest score, then its share; its sum
shared bool is_last;

// The parts of `busy` workgroups, of which the last to come has got here, into `result`.
void join_parts(uint tile, uint busy) {
  const uint t = gl_LocalInvocationID.x;
  const uint pitch = VALUE_WIDTH + 2u;
  const uint begin = PARTS_AT + tile * HEADS * p.splits * pitch;
  for (uint i = t; i < HEADS * busy; i += THREADS) {
    const uint h = i / busy;
    const uint at = begin + (h * p.splits + i % busy) * pitch + VALUE_WIDTH;
    share[h * MOST_SPLITS + i % busy] = vec2(parts[at], parts[at + 1u]);
  }
  barrier();
  for (uint h = t; h < HEADS; h += THREADS) {
    float highest = NONE;
    for (uint s = 0u; s < busy; ++s) highest = max(highest, share[h * MOST_SPLITS + s].x);
    float total = 0.0;
    for (uint s = 0u; s < busy; ++s) {
      const float less = exp(share[h * MOST_SPLITS + s].x - highest);
      share[h * MOST_SPLITS + s].x = less;
      total += less * share[h * MOST_SPLITS + s].y;
    }
    sum[h] = total;
  }
  barrier();
  for (uint i = t; i < HEADS * VALUE_WIDTH; i += THREADS) {
    const uint h = i / VALUE_WIDTH;
    const uint from = begin + h * p.splits * pitch + i % VALUE_WIDTH;
    float total = 0.0;
    for (uint first = 0u; first < busy; first += AT_ONCE) {
      float some[AT_ONCE];
      [[unroll]] for (uint k = 0u; k < AT_ONCE; ++k) {
        some[k] = parts[from + min(first + k, busy - 1u) * pitch];
      }
      [[unroll]] for (uint k = 0u; k < AT_ONCE; ++k) {
        if (first + k < busy) total += share[h * MOST_SPLITS + first + k].x * some[k];
      }
    }
    result[i] = total;
  }
  barrier();
}

// `result`, to where products read it: 16 columns share a scale.
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
    for (uint k = 0u; k < 16u; ++k) most = max(most, abs(result[i / 4u * 16u + k]));
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
    rounded[p.lines_at + at / 8u] = floatBitsToUint(scale);
    rounded[p.lines_at + at / 8u + 1u] = floatBitsToUint(scale * float(total));
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
