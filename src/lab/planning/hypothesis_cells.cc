#include "lab/planning/hypothesis_cells.h"

namespace ceiling::lab {

std::vector<Treatment> local_treatments(double base_arithmetic) {
  const double a = base_arithmetic;
  std::vector<Treatment> treatments = {{.arithmetic = a}, {.arithmetic = a}};
  for (const double dose : {0.1, 0.2, 0.3}) {
    treatments.push_back({.bytes = dose, .arithmetic = a});
    treatments.push_back({.arithmetic = a + dose * (1 + a)});
  }
  for (const double dose : {0.15, 0.3}) {
    treatments.push_back({.cached_bytes = dose, .arithmetic = a});
  }
  return treatments;
}

const std::vector<Treatment>& local_treatments() {
  static const std::vector<Treatment> treatments = local_treatments(0);
  return treatments;
}

std::vector<Treatment> all_treatments() {
  // The verdict rests on the local doses, which are quick; the large ones, which show slack, take
  // most of a cycle's time.
  constexpr int kLocalTimes = 3;
  std::vector<Treatment> treatments;
  for (int i = 0; i < kLocalTimes; ++i) {
    treatments.insert(treatments.end(), local_treatments().begin(), local_treatments().end());
  }
  for (const double bytes : {1.0, 3.0}) treatments.push_back({.bytes = bytes});
  for (const double repeats : {1.0, 3.0, 7.0}) treatments.push_back({.arithmetic = repeats});
  for (const std::uint32_t sequences : {2U, 4U, 8U}) treatments.push_back({.sequences = sequences});
  return treatments;
}

}  // namespace ceiling::lab
