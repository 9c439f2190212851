#include "device/cpu/shares.h"

#include <algorithm>

namespace ceiling::cpu {
namespace {

constexpr std::size_t kLineOutputs = 16;  // floats in a cache line

}  // namespace

std::size_t Product::row_bytes() const {
  std::size_t bytes = ceiling::row_bytes(matrix.shape.type, matrix.shape.cols);
  if (up.weights != nullptr) bytes += ceiling::row_bytes(up.shape.type, up.shape.cols);
  return bytes;
}

std::vector<std::vector<RowRange>> share_rows(const std::vector<Product>& products,
                                              unsigned threads) {
  double total = 0;
  for (const Product& p : products) {
    total += static_cast<double>(p.row_bytes()) * static_cast<double>(p.matrix.shape.rows);
  }
  std::vector<std::vector<RowRange>> shares(threads, std::vector<RowRange>(products.size()));
  double before = 0;  // bytes of the products before this one
  for (std::size_t i = 0; i < products.size(); ++i) {
    const std::size_t rows = products[i].matrix.shape.rows;
    const auto row = static_cast<double>(products[i].row_bytes());
    std::size_t begin = 0;
    for (unsigned t = 0; t < threads; ++t) {
      const double target =
          (total * (t + 1) / threads - before) / row;  // rows up to thread t's end
      const double lines = std::clamp(target, 0.0, static_cast<double>(rows)) / kLineOutputs;
      std::size_t end = static_cast<std::size_t>(lines + 0.5) * kLineOutputs;
      if (end > rows || t + 1 == threads) end = rows;
      end = std::max(end, begin);
      shares[t][i] = {begin, end};
      begin = end;
    }
    before += row * static_cast<double>(rows);
  }
  return shares;
}

}  // namespace ceiling::cpu
