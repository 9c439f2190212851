#include "lab/statistics/seeded_draws.h"

namespace ceiling::lab {

std::uint64_t SeededDraws::below(std::uint64_t bound) {
  // The largest multiple of `bound` that 64 bits hold; draws beyond it would favour small numbers.
  const std::uint64_t excess = (UINT64_MAX % bound + 1) % bound;
  std::uint64_t draw = engine_();
  while (draw > UINT64_MAX - excess) draw = engine_();
  return draw % bound;
}

double SeededDraws::uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

}  // namespace ceiling::lab
