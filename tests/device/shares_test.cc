// Every output of a phase's products is in one thread's share, once.
#include "device/cpu/shares.h"

#include <gtest/gtest.h>

#include <vector>

namespace ceiling::cpu {
namespace {

MatrixProduct product(TensorType type, std::size_t rows, std::size_t cols) {
  MatrixProduct out;
  out.matrix.shape = {type, rows, cols};
  return out;
}

// Queries, keys and values of a 1B model.
std::vector<MatrixProduct> attention_products() {
  return {product(TensorType::Q4_K, 2048, 2048), product(TensorType::Q4_K, 512, 2048),
          product(TensorType::Q6_K, 512, 2048)};
}

TEST(Shares, CoverEveryOutputOnceInOrder) {
  const auto products = attention_products();
  for (const unsigned threads : {1U, 2U, 3U, 16U}) {
    SCOPED_TRACE(threads);
    std::vector<std::size_t> next(products.size());
    for (const auto& share : share_rows(products, threads)) {
      for (const Piece& piece : share) {
        EXPECT_EQ(piece.begin, next[piece.product]);
        EXPECT_LT(piece.begin, piece.end);
        next[piece.product] = piece.end;
      }
    }
    for (std::size_t i = 0; i < products.size(); ++i) {
      EXPECT_EQ(next[i], products[i].matrix.shape.rows) << i;
    }
  }
}

TEST(Shares, OfAThreadAloneAreWholeProducts) {
  const auto shares = share_rows(attention_products(), 1);
  ASSERT_EQ(shares.size(), 1U);
  EXPECT_EQ(shares[0].size(), 3U);
}

TEST(Shares, OfSeveralThreadsEndWithPiecesThatOthersCanTake) {
  for (const auto& share : share_rows(attention_products(), 2)) EXPECT_GT(share.size(), 3U);
}

}  // namespace
}  // namespace ceiling::cpu
