// Rows of activations as int8: the integers of all rows, then for each 16 columns their scale and
// their sum times the scale. Defined before inclusion: THREADS; `words` is where they go.
shared float largest[THREADS];
shared int sums[THREADS];

// By all of a workgroup, four columns an invocation from `at` of all rows: four invocations share a
// scale and a sum. `inside`: it has columns.
void quantise(vec4 value, uint at, bool inside, uint lines_at) {
  const uint t = gl_LocalInvocationID.x;
  const vec4 size = abs(value);
  largest[t] = inside ? max(max(size.x, size.y), max(size.z, size.w)) : 0.0;
  barrier();
  float most = 0.0;
  for (uint k = 0u; k < 4u; ++k) most = max(most, largest[t / 4u * 4u + k]);
  const float scale = most / 127.0;
  const ivec4 q = ivec4(roundEven(value * (most > 0.0 ? 127.0 / most : 0.0)));
  sums[t] = q.x + q.y + q.z + q.w;
  barrier();
  if (!inside) return;
  const uvec4 bytes = uvec4(q) & 0xFFu;
  words[at / 4u] = bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
  if (t % 4u != 0u) return;
  const int sum = sums[t] + sums[t + 1u] + sums[t + 2u] + sums[t + 3u];
  words[lines_at + at / 8u] = floatBitsToUint(scale);
  words[lines_at + at / 8u + 1u] = floatBitsToUint(scale * float(sum));
}
