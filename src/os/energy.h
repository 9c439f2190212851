// Meters inside the machine that count the energy drawn so far.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ceiling::os {

struct EnergyMeter {
  std::string what;                               // "processor", "memory", "platform", "GPU"
  std::function<std::optional<double>()> joules;  // its count; empty: it cannot be read any more
  double wraps_at = 0;                            // joules at which it begins anew; 0: never
};

// Those that this process may read. Linux: RAPL's zones (mostly for root only) and what NVIDIA's
// management library shows; elsewhere none.
std::vector<EnergyMeter> energy_meters();

// What was drawn between two counts of a meter, which began anew at most once.
double joules_between(const EnergyMeter& meter, double before, double after);

}  // namespace ceiling::os
