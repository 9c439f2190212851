#include "lab/schedule.h"

namespace ceiling::lab {

std::uint64_t SeededDraws::below(std::uint64_t bound) {
  // The largest multiple of `bound` that 64 bits hold; draws beyond it would favour small numbers.
  const std::uint64_t excess = (UINT64_MAX % bound + 1) % bound;
  std::uint64_t draw = engine_();
  while (draw > UINT64_MAX - excess) draw = engine_();
  return draw % bound;
}

double SeededDraws::uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

std::vector<std::vector<std::size_t>> make_schedule(std::uint64_t seed, std::size_t blocks,
                                                    std::size_t cells, std::size_t reference) {
  SeededDraws draws(seed);
  std::vector<std::vector<std::size_t>> schedule;
  for (std::size_t block = 0; block < blocks; ++block) {
    std::vector<std::size_t> order;
    for (std::size_t cell = 0; cell < cells; ++cell) {
      if (cell != reference) order.push_back(cell);
    }
    draws.shuffle(order);
    order.insert(order.begin(), reference);
    if (cells > 1) order.push_back(reference);
    schedule.push_back(std::move(order));
  }
  return schedule;
}

}  // namespace ceiling::lab
