// A chunk of weights times the same columns of a row of float32 activations, at binding 1.
#ifdef WHOLE_CHUNKS
layout(std430, binding = 1) readonly buffer X { vec4 x[]; };

float product(float w[32], uint row, uvec2 begin, uint cols) {
  float sum = 0.0;
  for (uint run = 0u; run < 2u; ++run) {
    for (uint k = 0u; k < 4u; ++k) {
      const uint i = 16u * run + 4u * k;
      sum += dot(vec4(w[i], w[i + 1u], w[i + 2u], w[i + 3u]), x[(row + begin[run]) / 4u + k]);
    }
  }
  return sum;
}
#else
layout(std430, binding = 1) readonly buffer X { float x[]; };

float product(float w[32], uint row, uvec2 begin, uint cols) {
  float sum = 0.0;
  for (uint k = 0u; k < 32u; ++k) {
    sum += w[k] * x[row + min(begin[k / 16u] + k % 16u, cols - 1u)];
  }
  return sum;
}
#endif
