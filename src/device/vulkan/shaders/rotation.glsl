// Cosine and sine of `position` times a frequency in turns, a 64-bit fraction (low word, high word):
// exact but for the last step, at any position, on devices whose own functions need not be.
vec2 cos_sin(uint position, uvec2 turns) {
  uint carry, low;
  umulExtended(position, turns.x, carry, low);
  const uint angle = position * turns.y + carry;       // 2^32 to a turn
  const uint quadrant = (angle + 0x20000000u) >> 30;   // to the nearest quarter
  const float a = float(int(angle - (quadrant << 30))) * 1.4629180792671596e-9;  // 2 pi / 2^32
  const float s = a * a;
  const float sine =
      a * (1.0 + s * (-1.6666667e-1 + s * (8.3333310e-3 + s * (-1.9840874e-4 + s * 2.7525562e-6))));
  const float cosine =
      1.0 + s * (-0.5 + s * (4.1666668e-2 + s * (-1.3888889e-3 + s * 2.4801587e-5)));
  if (quadrant == 0u) return vec2(cosine, sine);
  if (quadrant == 1u) return vec2(-sine, cosine);
  if (quadrant == 2u) return vec2(-cosine, -sine);
  return vec2(sine, -cosine);
}
