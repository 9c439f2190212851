// One row of activations as int8 in shared memory: weighed by a norm and rounded from float32 by
// each workgroup for itself (four columns an invocation at a time; four invocations share a scale,
// and are of one subgroup), or copied. Of the includer: COLS, THREADS, ROW. Bindings 1 (the row)
// and 5 (the norm).
const uint NORMALISED = 1, COPIED = 2;  // ROW
layout(std430, binding = 1) readonly buffer Row { vec4 row4[]; };
layout(std430, binding = 1) readonly buffer Int8Row { uvec4 int8_row[]; };
layout(std430, binding = 5) readonly buffer Norm { vec4 norm4[]; };
const uint FOURS = COLS / 4;
const uint OWN = (FOURS + THREADS - 1) / THREADS;
const uint WORKED = ROW == NORMALISED ? FOURS : 1;
const uint MOST_SUBGROUPS = 128;  // of a workgroup: 512 invocations by four

shared uvec4 own_row[COLS / 16];
shared vec2 own_line[COLS / 16];  // scale; sum of the integers times the scale
shared float own_squares[MOST_SUBGROUPS];
shared float sizes[WORKED];
shared int fours[WORKED];

void subgroup_passes() {
  subgroupMemoryBarrierShared();
  subgroupBarrier();
}

// What results are yet to be multiplied by: the norm's own factor, which integers do not know.
float make_own_row() {
  const uint t = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
  vec4 value[OWN];
  vec4 norm[OWN];
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = min(t + THREADS * j, FOURS - 1u);
    value[j] = row4[i];
    norm[j] = norm4[p.norm_at / 4u + i];
  }
  float squares = 0.0;
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = t + THREADS * j;
    if (i >= FOURS) break;
    squares += dot(value[j], value[j]);
    value[j] *= norm[j];
    const vec4 size = abs(value[j]);
    sizes[i] = max(max(size.x, size.y), max(size.z, size.w));
  }
  squares = subgroupAdd(squares);
  if (subgroupElect()) own_squares[gl_SubgroupID] = squares;
  subgroup_passes();
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = t + THREADS * j;
    if (i >= FOURS) break;
    float most = 0.0;
    [[unroll]] for (uint k = 0u; k < 4u; ++k) most = max(most, sizes[i / 4u * 4u + k]);
    const ivec4 q = ivec4(roundEven(value[j] * (most > 0.0 ? 127.0 / most : 0.0)));
    fours[i] = q.x + q.y + q.z + q.w;
    const uvec4 bytes = uvec4(q) & 0xFFu;
    own_row[i / 4u][i % 4u] = bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
    if (i % 4u == 0u) own_line[i / 4u].x = most / 127.0;
  }
  subgroup_passes();
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint i = t + THREADS * j;
    if (i >= FOURS || i % 4u != 0u) continue;
    const int sum = fours[i] + fours[i + 1u] + fours[i + 2u] + fours[i + 3u];
    own_line[i / 4u].y = own_line[i / 4u].x * float(sum);
  }
  barrier();
  squares = 0.0;
  for (uint i = 0u; i < gl_NumSubgroups; ++i) squares += own_squares[i];
  return inversesqrt(squares / float(COLS) + p.epsilon);
}

// From where it lies as int8 (quantise.glsl).
void copy_own_row(uint lines_at) {
  [[unroll]] for (uint i = gl_LocalInvocationID.x; i < COLS / 16u; i += THREADS) {
    own_row[i] = int8_row[i];
    const uvec4 two = int8_row[lines_at / 4u + i / 2u];
    own_line[i] = uintBitsToFloat((i & 1u) == 0u ? two.xy : two.zw);
  }
  barrier();
}
