// One row of activations as int8 in shared memory: normalised and rounded from float32 by each
// workgroup for itself (four columns an invocation at a time; eight invocations share a scale), or
// copied. Of the includer: COLS, THREADS, ROW. Bindings 1 (the row) and 5 (the norm).
const uint IN_MEMORY = 0, NORMALISED = 1, COPIED = 2;  // ROW
layout(std430, binding = 1) readonly buffer Row { vec4 row4[]; };
layout(std430, binding = 1) readonly buffer Int8Row { uvec4 int8_row[]; };
layout(std430, binding = 5) readonly buffer Norm { vec4 norm4[]; };
const uint FOURS = COLS / 4;
const uint OWN = (FOURS + THREADS - 1) / THREADS;
const uint WORKED = ROW == NORMALISED ? FOURS : 1;

shared uvec4 own_row[COLS / 16];
shared float own_scale[COLS / 32];
shared float own_sum[COLS / 16];
shared float passing[WORKED];
shared uint own_words[WORKED];

void make_own_row() {
  const uint t = gl_LocalInvocationID.x;
  vec4 value[OWN];
  vec4 norm[OWN];
  float squares = 0.0;
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = min(t + THREADS * j, FOURS - 1u);
    value[j] = row4[i];
    norm[j] = norm4[p.norm_at / 4u + i];
  }
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    if (t + THREADS * j < FOURS) squares += dot(value[j], value[j]);
  }
  squares = subgroupAdd(squares);
  if (subgroupElect()) passing[gl_SubgroupID] = squares;
  barrier();
  squares = 0.0;
  for (uint i = 0u; i < gl_NumSubgroups; ++i) squares += passing[i];
  barrier();
  const float factor = inversesqrt(squares / float(COLS) + p.epsilon);
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = t + THREADS * j;
    if (i >= FOURS) break;
    value[j] *= factor * norm[j];
    const vec4 size = abs(value[j]);
    passing[i] = max(max(size.x, size.y), max(size.z, size.w));
  }
  barrier();
  int sum[OWN];
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = t + THREADS * j;
    if (i >= FOURS) break;
    float most = 0.0;
    [[unroll]] for (uint k = 0u; k < 8u; ++k) most = max(most, passing[i / 8u * 8u + k]);
    const ivec4 q = ivec4(roundEven(value[j] * (most > 0.0 ? 127.0 / most : 0.0)));
    sum[j] = q.x + q.y + q.z + q.w;
    const uvec4 bytes = uvec4(q) & 0xFFu;
    own_words[i] = bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
    if (i % 8u == 0u) own_scale[i / 8u] = most / 127.0;
  }
  barrier();
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = t + THREADS * j;
    if (i < FOURS) passing[i] = float(sum[j]);
  }
  barrier();
  for (uint i = t; i < COLS / 16u; i += THREADS) {
    const uint w = 4u * i;
    own_row[i] = uvec4(own_words[w], own_words[w + 1u], own_words[w + 2u], own_words[w + 3u]);
    own_sum[i] = own_scale[i / 2u] * (passing[w] + passing[w + 1u] + passing[w + 2u] + passing[w + 3u]);
  }
  barrier();
}

// From where it lies as int8 (quantise.glsl).
void copy_own_row(uint scales_at, uint sums_at) {
  [[unroll]] for (uint i = gl_LocalInvocationID.x; i < COLS / 16u; i += THREADS) {
    own_row[i] = int8_row[i];
    own_sum[i] = uintBitsToFloat(int8_row[(sums_at + i) / 4u][(sums_at + i) % 4u]);
    if (i >= COLS / 32u) continue;
    own_scale[i] = uintBitsToFloat(int8_row[(scales_at + i) / 4u][(scales_at + i) % 4u]);
  }
  barrier();
}
