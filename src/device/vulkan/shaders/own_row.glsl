// One row of float32 activations, normalised and rounded to int8 by each workgroup for itself, into
// shared memory: four columns an invocation at a time; eight invocations share a scale. Of the
// includer: COLS, THREADS. Bindings 1 (the row) and 5 (the norm).
layout(std430, binding = 1) readonly buffer Row { vec4 row4[]; };
layout(std430, binding = 5) readonly buffer Norm { vec4 norm4[]; };
const uint FOURS = COLS / 4;
const uint OWN = (FOURS + THREADS - 1) / THREADS;

shared uvec4 own_row[COLS / 16];
shared float own_scale[COLS / 32];
shared float own_sum[COLS / 16];
shared float passing[FOURS];
shared uint own_words[FOURS];

void make_own_row() {
  const uint t = gl_LocalInvocationID.x;
  vec4 value[OWN];
  float squares = 0.0;
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = t + THREADS * j;
    value[j] = vec4(0.0);
    if (i < FOURS) value[j] = row4[i];
    squares += dot(value[j], value[j]);
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
    value[j] *= factor * norm4[p.norm_at / 4u + i];
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
