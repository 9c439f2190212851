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
  std::vector<Treatment> treatments = local_treatments();
  for (const double bytes : {1.0, 3.0}) treatments.push_back({.bytes = bytes});
  for (const double repeats : {1.0, 3.0, 7.0}) treatments.push_back({.arithmetic = repeats});
  for (const std::uint32_t sequences : {2U, 4U, 8U}) treatments.push_back({.sequences = sequences});
  return treatments;
}

}  // namespace ceiling::lab
