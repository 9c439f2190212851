// Sums of products for the oracle: float32 products, added up in short float32 runs, then in
// double.
#pragma once

#include <cstddef>

namespace ceiling::reference {

// y[i * pitch + r] = sum over c of w[r * cols + c] * x[i * cols + c], r < rows, i < n.
void multiply(const float* w, std::size_t rows, const float* x, std::size_t n, std::size_t cols,
              float* y, std::size_t pitch);

float dot(const float* a, const float* b, std::size_t n);

void add_scaled(float* out, const float* in, float scale, std::size_t n);  // out += scale * in

}  // namespace ceiling::reference
