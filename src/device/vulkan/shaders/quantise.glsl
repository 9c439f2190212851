// Rows of activations as int8: the integers of all rows, then a scale for each 32 columns, then for
// each 16 their sum times the scale. Defined before inclusion: THREADS; `words` is where they go.
shared float largest[THREADS];
shared int sums[THREADS];

// By all of a workgroup, four columns an invocation from `at` of all rows: eight invocations share a
// scale, four of them a sum. `inside`: it has columns.
void quantise(vec4 value, uint at, bool inside, uint scales_at, uint sums_at) {
  const uint t = gl_LocalInvocationID.x;
  const vec4 size = abs(value);
  largest[t] = inside ? max(max(size.x, size.y), max(size.z, size.w)) : 0.0;
  barrier();
  float most = 0.0;
  for (uint k = 0u; k < 8u; ++k) most = max(most, largest[t / 8u * 8u + k]);
  const float scale = most / 127.0;
  const ivec4 q = ivec4(roundEven(value * (most > 0.0 ? 127.0 / most : 0.0)));
  sums[t] = q.x + q.y + q.z + q.w;
  barrier();
  if (!inside) return;
  const uvec4 bytes = uvec4(q) & 0xFFu;
  words[at / 4u] = bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
  if (t % 4u == 0u) {
    const int sum = sums[t] + sums[t + 1u] + sums[t + 2u] + sums[t + 3u];
    words[sums_at + at / 16u] = floatBitsToUint(scale * float(sum));
  }
  if (t % 8u == 0u) words[scales_at + at / 32u] = floatBitsToUint(scale);
}
