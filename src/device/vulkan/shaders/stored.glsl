// Weights as they lie in the file, at binding 0. Offsets are bytes; blocks begin at even ones.
layout(std430, binding = 0) readonly buffer Stored { uint stored[]; };
layout(std430, binding = 0) readonly buffer Stored4 { uvec4 stored4[]; };

// Each row, and each block of a type that this matters to, begins at 16 bytes.
layout(constant_id = 7) const uint ALIGNED = 0;

uint load1(uint at) { return (stored[at >> 2] >> (8u * (at & 3u))) & 0xFFu; }
uint load2(uint at) { return (stored[at >> 2] >> (8u * (at & 2u))) & 0xFFFFu; }
// No word is read that holds none of the bytes: the file may end there.
uint load4(uint at) {
  const uint low = stored[at >> 2];
  if ((at & 2u) == 0u) return low;
  return (low >> 16) | (stored[(at >> 2) + 1u] << 16);
}
uvec2 load8(uint at) { return uvec2(load4(at), load4(at + 4u)); }
uvec4 load16(uint at) {
  const uint word = at >> 2;
  const uvec4 low = uvec4(stored[word], stored[word + 1u], stored[word + 2u], stored[word + 3u]);
  if ((at & 2u) == 0u) return low;
  return (low >> 16) | (uvec4(low.yzw, stored[word + 4u]) << 16);
}
uvec4 load16_aligned(uint at) {
  if (ALIGNED != 0u) return stored4[at >> 4];
  return load16(at);
}
