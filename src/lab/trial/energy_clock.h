// The energy that the machine's meters count while a clock runs.
#pragma once

#include <string>
#include <vector>

#include "lab/trial/trial.h"
#include "os/energy.h"

namespace ceiling::lab {

class EnergyClock {
 public:
  explicit EnergyClock(std::vector<os::EnergyMeter> meters);

  void start();
  void stop();  // adds what was drawn since the start

  // By what it was drawn, meters of one kind together (two processors' packages); a meter that
  // could not be read at some moment is left out, for its part is not known.
  std::vector<DrawnEnergy> drawn() const;

 private:
  struct Count {
    os::EnergyMeter meter;
    double at_start = 0;
    double drawn = 0;
    bool broken = false;
  };
  std::vector<Count> counts_;
};

}  // namespace ceiling::lab
