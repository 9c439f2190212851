#include "model/batch.h"

namespace ceiling {

Batch shape_batch(std::uint32_t position, std::uint32_t count, std::uint32_t sequence) {
  Batch batch;
  batch.rows.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    batch.rows[i] = {.token = 0, .position = position + i, .sequence = sequence, .logits = false};
  }
  if (count > 0) batch.rows.back().logits = true;
  return batch;
}

}  // namespace ceiling
