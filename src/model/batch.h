// The rows of one step. Row counts in a Program are symbolic; a Batch makes them concrete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ceiling {

struct BatchRow {
  std::int32_t token = 0;
  std::uint32_t position = 0;  // in its sequence; rows of a sequence come in ascending order
  std::uint32_t sequence = 0;
  bool logits = false;  // wanted for this row
};

struct Batch {
  std::vector<BatchRow> rows;
  std::size_t logit_rows() const {
    std::size_t n = 0;
    for (const auto& row : rows) n += row.logits ? 1 : 0;
    return n;
  }
};

// `count` rows of one sequence from `position`, logits for the last only: a prompt chunk or a
// decode step.
Batch shape_batch(std::uint32_t position, std::uint32_t count, std::uint32_t sequence = 0);

}  // namespace ceiling
