// How often the lab's verdicts are right, on machines of known truth: `calibration [MACHINES]
// [SEED]` prints the table of docs/results/calibration.md (2,000 machines in all unless told
// otherwise).
#include <fmt/core.h>

#include <cstdlib>

#include "calibration/calibration.h"

int main(int count, char** arguments) {
  const long machines = count > 1 ? std::strtol(arguments[1], nullptr, 10) : 2000;
  const long seed = count > 2 ? std::strtol(arguments[2], nullptr, 10) : 1;
  if (machines < 1 || seed < 0) {
    fmt::print(stderr, "calibration: expected [MACHINES from 1] [SEED from 0]\n");
    return 2;
  }
  fmt::print("{}", ceiling::simulation::markdown(ceiling::simulation::calibrate(
                       static_cast<unsigned>(machines), static_cast<std::uint64_t>(seed))));
  return 0;
}
