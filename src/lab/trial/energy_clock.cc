#include "lab/trial/energy_clock.h"

#include <map>
#include <optional>
#include <utility>

namespace ceiling::lab {

EnergyClock::EnergyClock(std::vector<os::EnergyMeter> meters) {
  for (os::EnergyMeter& meter : meters) counts_.push_back({std::move(meter)});
}

void EnergyClock::start() {
  for (Count& count : counts_) {
    const std::optional<double> now = count.meter.joules();
    count.broken |= !now;
    count.at_start = now.value_or(0);
  }
}

void EnergyClock::stop() {
  for (Count& count : counts_) {
    const std::optional<double> now = count.meter.joules();
    count.broken |= !now;
    count.drawn += os::joules_between(count.meter, count.at_start, now.value_or(count.at_start));
  }
}

std::vector<DrawnEnergy> EnergyClock::drawn() const {
  std::map<std::string, double> sums;
  std::map<std::string, bool> broken;
  for (const Count& count : counts_) {
    sums[count.meter.what] += count.drawn;
    broken[count.meter.what] |= count.broken;
  }
  std::vector<DrawnEnergy> all;
  for (const auto& [what, joules] : sums) {
    // Nothing at all: the meter moved in no stretch, or the machine shows a dead one.
    if (!broken.at(what) && joules > 0) all.push_back({what, joules});
  }
  return all;
}

}  // namespace ceiling::lab
