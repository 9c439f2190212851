#include "device/cpu/shares.h"

#include <algorithm>
#include <cmath>

namespace ceiling::cpu {
namespace {

constexpr std::size_t kLineOutputs = 16;  // floats in a cache line
constexpr double kPartOfRest = 0.4;       // of a thread's bytes, in its next piece
// A break in a stream costs about half a microsecond, what 8 KB take to read. In a long share a
// last piece of 48 KB keeps the others waiting for 3 at most; a share that is short anyway (in a
// small model, whose weights stay in a cache) is not worth so many breaks.
constexpr double kLongShareBytes = 1024 * 1024;
constexpr double kSmallestPieceBytes = 48 * 1024;
constexpr double kSmallestPieceOfShortBytes = 128 * 1024;

double bytes_of(const MatrixProduct& product, std::size_t rows) {
  return static_cast<double>(product.row_bytes()) * static_cast<double>(rows);
}

// The row of a product at which `bytes` from its start are read, at a whole cache line.
std::size_t row_at(const MatrixProduct& product, double bytes) {
  const std::size_t rows = product.matrix.shape.rows;
  if (bytes >= bytes_of(product, rows)) return rows;
  const double lines = std::max(bytes, 0.0) / bytes_of(product, kLineOutputs);
  return std::min(static_cast<std::size_t>(std::lround(lines)) * kLineOutputs, rows);
}

// A thread alone waits for nobody.
double smallest_piece(double bytes, unsigned threads) {
  if (threads == 1) return bytes;
  return bytes / threads < kLongShareBytes ? kSmallestPieceOfShortBytes : kSmallestPieceBytes;
}

}  // namespace

std::size_t MatrixProduct::row_bytes() const {
  std::size_t bytes = ceiling::row_bytes(matrix.shape.type, matrix.shape.cols);
  if (up.weights != nullptr) bytes += ceiling::row_bytes(up.shape.type, up.shape.cols);
  return bytes;
}

std::vector<std::vector<Piece>> share_rows(const std::vector<MatrixProduct>& products,
                                           unsigned threads) {
  double total = 0;
  for (const MatrixProduct& p : products) total += bytes_of(p, p.matrix.shape.rows);
  const double smallest = smallest_piece(total, threads);
  std::vector<std::vector<Piece>> shares(threads);
  for (unsigned t = 0; t < threads; ++t) {
    const double end = total * (t + 1) / threads;
    double at = total * t / threads;
    while (at < end) {
      double next = at + std::max((end - at) * kPartOfRest, smallest);
      if (end - next < smallest) next = end;
      double before = 0;  // bytes of the products before
      for (std::uint32_t i = 0; i < products.size(); ++i) {
        const Piece piece{i, row_at(products[i], at - before), row_at(products[i], next - before)};
        if (piece.begin < piece.end) shares[t].push_back(piece);
        before += bytes_of(products[i], products[i].matrix.shape.rows);
      }
      at = next;
    }
  }
  return shares;
}

}  // namespace ceiling::cpu
