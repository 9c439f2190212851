#include "os/energy.h"

#include <algorithm>

namespace ceiling::os {

double joules_between(const EnergyMeter& meter, double before, double after) {
  if (after >= before) return after - before;
  return std::max(0.0, meter.wraps_at - before) + after;
}

}  // namespace ceiling::os
