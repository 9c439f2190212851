// Runs the lab's estimators and verdicts on simulated machines and counts how often they are right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ceiling::simulation {

// One hypothesis or interval, over all machines at one level of noise.
struct Tally {
  unsigned machines = 0;
  unsigned wrong = 0;        // supported or refuted where the truth is not in that region
  unsigned gated = 0;        // no verdict: its gate did not pass (A/A, or the added bytes for H1)
  unsigned clear = 0;        // truth at least 0.05 inside a region of a verdict
  unsigned clear_right = 0;  // of these, decided and right
  unsigned intervals = 0, covered = 0;  // 95 % intervals against the truth
};

struct Calibration {
  std::vector<double> most_noise;  // of ln(share) between processes; machines are sorted by it
  std::vector<Tally> h1, h2, h3;   // by noise
};

// Machines of seeds [seed, seed + machines). Classes of noise: up to 1.5, 2.5, 4 % and more.
Calibration calibrate(unsigned machines, std::uint64_t seed);
Tally sum(const std::vector<Tally>& tallies);

std::string markdown(const Calibration& calibration);

}  // namespace ceiling::simulation
