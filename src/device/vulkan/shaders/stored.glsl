// Weights as they lie in the file, at binding 0. Offsets are bytes; blocks begin at even ones.
layout(std430, binding = 0) readonly buffer Stored { uint stored[]; };
layout(std430, binding = 0) readonly buffer Stored4 { uvec4 stored4[]; };

// Each row, and each block of a type that this matters to, begins at 16 bytes.
layout(constant_id = 7) const uint ALIGNED = 0;

uint load2(uint at) { return (stored[at >> 2] >> (8u * (at & 2u))) & 0xFFFFu; }
// No word is read that holds none of the bytes: the file may end there.
uint load4(uint at) {
  const uint low = stored[at >> 2];
  if ((at & 2u) == 0u) return low;
  return (low >> 16) | (stored[(at >> 2) + 1u] << 16);
}

// Bytes on their way: the words that hold them, to be put right (of) once they are there, so that
// nothing waits for them before.
struct Four {
  uint low, last;
};
struct Sixteen {
  uvec4 low;
  uint last;
};

uint fetch_word(uint at) { return stored[at >> 2]; }
uint byte_of(uint word, uint at) { return (word >> (8u * (at & 3u))) & 0xFFu; }
uint two_of(uint word, uint at) { return (word >> (8u * (at & 2u))) & 0xFFFFu; }

Four fetch4(uint at) {
  const uint word = at >> 2;
  return Four(stored[word], (at & 2u) == 0u ? 0u : stored[word + 1u]);
}
uint four_of(Four f, uint at) {
  return (at & 2u) == 0u ? f.low : (f.low >> 16) | (f.last << 16);
}

Sixteen fetch16(uint at) {
  const uint word = at >> 2;
  return Sixteen(uvec4(stored[word], stored[word + 1u], stored[word + 2u], stored[word + 3u]),
                 (at & 2u) == 0u ? 0u : stored[word + 4u]);
}
uvec4 sixteen_of(Sixteen s, uint at) {
  if ((at & 2u) == 0u) return s.low;
  return (s.low >> 16) | (uvec4(s.low.yzw, s.last) << 16);
}
Sixteen fetch16_aligned(uint at) {
  if (ALIGNED != 0u) return Sixteen(stored4[at >> 4], 0u);
  return fetch16(at);
}
uvec4 sixteen_aligned(Sixteen s, uint at) { return ALIGNED != 0u ? s.low : sixteen_of(s, at); }
