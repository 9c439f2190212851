#include "lab/plan/schedule.h"

#include "lab/statistics/seeded_draws.h"

namespace ceiling::lab {

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
