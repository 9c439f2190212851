// 32 weights of a row: two runs of 16 neighbouring columns, as integers of 8 bits with a line for
// each run: weight = scale * q - minus. A type says where the runs are (columns), which words hold
// them (Raw, fetch_raw) and how they are taken apart (unpack), so that words can be on their way
// while others are worked on. `row` is the byte at which the row begins.
struct Chunk {
  uint q[8];  // four each, the first in the low byte; the first run is q[0..3]
  vec2 scale, minus;
};

void low_and_high_nibbles(uvec4 v, inout Chunk c) {
  for (int i = 0; i < 4; ++i) {
    c.q[i] = v[i] & 0x0F0F0F0Fu;
    c.q[4 + i] = (v[i] >> 4) & 0x0F0F0F0Fu;
  }
}

// Bit i of `high` is the fifth of weight i of the chunk.
void add_fifth_bits(uint high, inout Chunk c) {
  for (int i = 0; i < 8; ++i) {
    const uint bits = high >> (4 * i);
    c.q[i] |= ((bits & 1u) << 4) | ((bits & 2u) << 11) | ((bits & 4u) << 18) | ((bits & 8u) << 25);
  }
}

// The levels of the IQ4 types (quant/blocks.h, kIq4Values) in place of the nibbles.
uint iq4_level(uint nibble) {
  const uint low = nibble < 4u ? 0xBFAD9881u : 0xF6EADDCFu;
  const uint high = nibble < 12u ? 0x26190D01u : 0x71594535u;
  return ((nibble < 8u ? low : high) >> (8u * (nibble & 3u))) & 0xFFu;
}
void nibbles_to_levels(inout Chunk c) {
  for (int i = 0; i < 8; ++i) {
    const uint q = c.q[i];
    c.q[i] = iq4_level(q & 15u) | (iq4_level((q >> 8) & 15u) << 8) |
             (iq4_level((q >> 16) & 15u) << 16) | (iq4_level(q >> 24) << 24);
  }
}

void one_scale(float d, inout Chunk c) { c.scale = vec2(d); }

// --- blocks of 32: the low nibbles are the first run ---

#if defined(TYPE_Q4_0) || defined(TYPE_Q4_1) || defined(TYPE_Q5_0) || defined(TYPE_Q5_1) || \
    defined(TYPE_Q8_0) || defined(TYPE_IQ4_NL)
uvec2 columns(uint chunk) { return uvec2(32u * chunk, 32u * chunk + 16u); }
#endif

#if defined(TYPE_Q4_0) || defined(TYPE_IQ4_NL)
struct Raw {
  Sixteen q;
  uint d;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 18u * chunk;
  r.q = fetch16(block + 2u);
  r.d = fetch_word(block);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 18u * chunk;
  low_and_high_nibbles(sixteen_of(r.q, block + 2u), c);
  one_scale(half_of(two_of(r.d, block)), c);
#ifdef TYPE_IQ4_NL
  nibbles_to_levels(c);
  c.minus = vec2(0.0);
#else
  c.minus = 8.0 * c.scale;
#endif
}
#endif

#ifdef TYPE_Q4_1
struct Raw {
  Sixteen q;
  Four dm;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 20u * chunk;
  r.q = fetch16(block + 4u);
  r.dm = fetch4(block);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 20u * chunk;
  low_and_high_nibbles(sixteen_of(r.q, block + 4u), c);
  const vec2 dm = unpackHalf2x16(four_of(r.dm, block));
  one_scale(dm.x, c);
  c.minus = vec2(-dm.y);
}
#endif

#ifdef TYPE_Q5_0
struct Raw {
  Sixteen q;
  Four high;
  uint d;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 22u * chunk;
  r.q = fetch16(block + 6u);
  r.high = fetch4(block + 2u);
  r.d = fetch_word(block);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 22u * chunk;
  low_and_high_nibbles(sixteen_of(r.q, block + 6u), c);
  add_fifth_bits(four_of(r.high, block + 2u), c);
  one_scale(half_of(two_of(r.d, block)), c);
  c.minus = 16.0 * c.scale;
}
#endif

#ifdef TYPE_Q5_1
struct Raw {
  Sixteen q;
  Four high, dm;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 24u * chunk;
  r.q = fetch16(block + 8u);
  r.high = fetch4(block + 4u);
  r.dm = fetch4(block);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 24u * chunk;
  low_and_high_nibbles(sixteen_of(r.q, block + 8u), c);
  add_fifth_bits(four_of(r.high, block + 4u), c);
  const vec2 dm = unpackHalf2x16(four_of(r.dm, block));
  one_scale(dm.x, c);
  c.minus = vec2(-dm.y);
}
#endif

#ifdef TYPE_Q8_0
struct Raw {
  Sixteen first, second;
  uint d;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 34u * chunk;
  r.first = fetch16(block + 2u);
  r.second = fetch16(block + 18u);
  r.d = fetch_word(block);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 34u * chunk;
  const uvec4 first = sixteen_of(r.first, block + 2u);
  const uvec4 second = sixteen_of(r.second, block + 18u);
  for (int i = 0; i < 4; ++i) {
    c.q[i] = first[i];
    c.q[4 + i] = second[i];
  }
  one_scale(half_of(two_of(r.d, block)), c);
  c.minus = vec2(0.0);
}
#endif

// --- blocks of 256 ---

#ifdef TYPE_IQ4_XS
uvec2 columns(uint chunk) { return uvec2(32u * chunk, 32u * chunk + 16u); }
struct Raw {
  Sixteen q;
  Four header, low;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 136u * (chunk / 8u);
  r.q = fetch16(block + 8u + 16u * (chunk % 8u));
  r.header = fetch4(block);
  r.low = fetch4(block + 4u);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 136u * (chunk / 8u);
  const uint group = chunk % 8u;
  low_and_high_nibbles(sixteen_of(r.q, block + 8u + 16u * group), c);
  nibbles_to_levels(c);
  const uint header = four_of(r.header, block);
  const uint low = (four_of(r.low, block + 4u) >> (4u * group)) & 15u;
  const uint high = (header >> (16u + 2u * group)) & 3u;
  one_scale(half_of(header) * float(int(low | (high << 4)) - 32), c);
  c.minus = vec2(0.0);
}
#endif

#if defined(TYPE_Q4_K) || defined(TYPE_Q5_K)
// Sixteen bytes of nibbles hold 16 weights of group 2p and 16 of group 2p + 1.
uvec2 columns(uint chunk) {
  const uint first = 64u * (chunk / 2u) + 16u * (chunk % 2u);
  return uvec2(first, first + 32u);
}
// The block's d and dmin, then its twelve bytes of 6-bit scales and minimums (quant/blocks.h).
void lines(uvec4 header, uint pair, inout Chunk c) {
  const uvec3 packed = header.yzw >> (16u * (pair & 1u));
  const bool early = pair < 2u;
  const uint scale = early ? packed.x & 0x3F3Fu : (packed.z & 0x0F0Fu) | ((packed.x >> 2) & 0x3030u);
  const uint minimum =
      early ? packed.y & 0x3F3Fu : ((packed.z >> 4) & 0x0F0Fu) | ((packed.y >> 2) & 0x3030u);
  const vec2 d = unpackHalf2x16(header.x);
  c.scale = d.x * vec2(scale & 0xFFu, (scale >> 8) & 0xFFu);
  c.minus = d.y * vec2(minimum & 0xFFu, (minimum >> 8) & 0xFFu);
}
#endif

#ifdef TYPE_Q4_K
struct Raw {
  Sixteen q, header;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 144u * (chunk / 8u);
  r.q = fetch16_aligned(block + 16u + 16u * (chunk % 8u));
  r.header = fetch16_aligned(block);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  low_and_high_nibbles(sixteen_aligned(r.q, row), c);  // a block is of whole words
  lines(sixteen_aligned(r.header, row), chunk / 2u % 4u, c);
}
#endif

#ifdef TYPE_Q5_K
struct Raw {
  Sixteen q, header, high;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 176u * (chunk / 8u);
  r.q = fetch16_aligned(block + 48u + 16u * (chunk % 8u));
  r.header = fetch16_aligned(block);
  r.high = fetch16_aligned(block + 16u + 16u * (chunk % 2u));
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  low_and_high_nibbles(sixteen_aligned(r.q, row), c);
  lines(sixteen_aligned(r.header, row), chunk / 2u % 4u, c);
  const uvec4 high = sixteen_aligned(r.high, row) >> (2u * (chunk / 2u % 4u));
  for (int i = 0; i < 4; ++i) {
    c.q[i] |= (high[i] & 0x01010101u) << 4;
    c.q[4 + i] |= (high[i] & 0x02020202u) << 3;
  }
}
#endif

#ifdef TYPE_Q6_K
uvec2 columns(uint chunk) {
  const uint first = 128u * (chunk / 4u) + 32u * (chunk / 2u % 2u) + 16u * (chunk % 2u);
  return uvec2(first, first + 64u);
}
uint low_at(uint chunk) {
  return 64u * (chunk / 4u % 2u) + 32u * (chunk / 2u % 2u) + 16u * (chunk % 2u);
}
uint scale_at(uint chunk) { return 192u + columns(chunk).x / 16u % 16u; }
struct Raw {
  Sixteen low, high;
  uint d;
  uvec2 scales;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 210u * (chunk / 8u);
  r.low = fetch16(block + low_at(chunk));
  r.high = fetch16(block + 128u + 32u * (chunk / 4u % 2u) + 16u * (chunk % 2u));
  r.d = fetch_word(block + 208u);
  const uint scale = block + scale_at(chunk);
  r.scales = uvec2(fetch_word(scale), fetch_word(scale + 4u));
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 210u * (chunk / 8u);
  low_and_high_nibbles(sixteen_of(r.low, block), c);
  const uvec4 high = sixteen_of(r.high, block) >> (2u * (chunk / 2u % 2u));
  for (int i = 0; i < 4; ++i) {
    c.q[i] |= (high[i] & 0x03030303u) << 4;
    c.q[4 + i] |= ((high[i] >> 4) & 0x03030303u) << 4;
  }
  const uint scale = block + scale_at(chunk);
  const ivec2 six = ivec2(byte_of(r.scales.x, scale), byte_of(r.scales.y, scale));
  c.scale = half_of(two_of(r.d, block + 208u)) * vec2(bitfieldExtract(six, 0, 8));
  c.minus = 32.0 * c.scale;
}
#endif

#if defined(TYPE_Q2_K) || defined(TYPE_Q3_K)
// Two of the four pairs of bits in each of 16 bytes.
uvec2 columns(uint chunk) {
  const uint first = 128u * (chunk / 4u) + 64u * (chunk / 2u % 2u) + 16u * (chunk % 2u);
  return uvec2(first, first + 32u);
}
uint first_byte(uint chunk) { return 32u * (chunk / 4u % 2u) + 16u * (chunk % 2u); }
void bit_pairs(uvec4 v, uint chunk, inout Chunk c) {
  const uvec4 low = v >> (4u * (chunk / 2u % 2u));
  for (int i = 0; i < 4; ++i) {
    c.q[i] = low[i] & 0x03030303u;
    c.q[4 + i] = (low[i] >> 2) & 0x03030303u;
  }
}
#endif

#ifdef TYPE_Q2_K
struct Raw {
  Sixteen q;
  uvec2 scales;
  Four d;
};
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 84u * (chunk / 8u);
  r.q = fetch16(block + 16u + first_byte(chunk));
  const uint scale = block + columns(chunk).x / 16u % 16u;
  r.scales = uvec2(fetch_word(scale), fetch_word(scale + 2u));
  r.d = fetch4(block + 80u);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 84u * (chunk / 8u);
  bit_pairs(sixteen_of(r.q, block), chunk, c);
  const uint scale = block + columns(chunk).x / 16u % 16u;
  const uvec2 packed = uvec2(byte_of(r.scales.x, scale), byte_of(r.scales.y, scale + 2u));
  const vec2 d = unpackHalf2x16(four_of(r.d, block));
  c.scale = d.x * vec2(packed & 15u);
  c.minus = d.y * vec2(packed >> 4);
}
#endif

#ifdef TYPE_Q3_K
// Of a group of 16 columns: four bits of one byte of the scales, two of another.
uvec2 scale_bytes(uint scales, uint group) {
  return uvec2(scales + group % 8u, scales + 8u + group % 4u);
}
int scale_of(uvec2 words, uint scales, uint group) {
  const uvec2 at = scale_bytes(scales, group);
  const uint low = (byte_of(words.x, at.x) >> (4u * (group / 8u))) & 15u;
  const uint high = (byte_of(words.y, at.y) >> (2u * (group / 4u))) & 3u;
  return int(low | (high << 4)) - 32;
}
struct Raw {
  Sixteen q, high;
  uint d;
  uvec2 first, second;  // scales
};
uvec2 fetch_scale(uint scales, uint group) {
  const uvec2 at = scale_bytes(scales, group);
  return uvec2(fetch_word(at.x), fetch_word(at.y));
}
void fetch_raw(uint row, uint chunk, out Raw r) {
  const uint block = row + 110u * (chunk / 8u);
  r.q = fetch16(block + 32u + first_byte(chunk));
  r.high = fetch16(block + 16u * (chunk % 2u));
  r.d = fetch_word(block + 108u);
  const uint group = columns(chunk).x / 16u % 16u;
  r.first = fetch_scale(block + 96u, group);
  r.second = fetch_scale(block + 96u, group + 2u);
}
void unpack(Raw r, uint row, uint chunk, out Chunk c) {
  const uint block = row + 110u * (chunk / 8u);
  bit_pairs(sixteen_of(r.q, block), chunk, c);
  const uint column = columns(chunk).x % 256u;
  const uvec4 high = sixteen_of(r.high, block) >> (column / 32u);
  for (int i = 0; i < 4; ++i) {
    c.q[i] |= (high[i] & 0x01010101u) << 2;
    c.q[4 + i] |= ((high[i] >> 1) & 0x01010101u) << 2;
  }
  const uint group = column / 16u;
  const float d = half_of(two_of(r.d, block + 108u));
  c.scale = d * vec2(scale_of(r.first, block + 96u, group),
                     scale_of(r.second, block + 96u, group + 2u));
  c.minus = 4.0 * c.scale;
}
#endif

void load_chunk(uint row, uint chunk, out Chunk c) {
  Raw r;
  fetch_raw(row, chunk, r);
  unpack(r, row, chunk, c);
}
