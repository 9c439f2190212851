// A machine whose truth is known, to see whether the lab's verdicts find it. It shares no code with
// the lab's estimators: only the shapes in which observations are written down.
//
// The time of a step is ((bytes / bandwidth)^p + arithmetic^p)^(1/p) + overhead: p = 1 adds the
// two, a large p hides the smaller one. Bandwidth walks at random between 25 and 50 GB/s; processes
// differ by a factor each; steps have noise and spikes; processes drift; readings of memory err.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "lab/analysis/verdict.h"
#include "lab/plan/treatment.h"

namespace ceiling::simulation {

struct Truth {
  double bandwidth = 0, compute = 0;  // elasticities of speed, mean over the bandwidth's walk
  double slope = 0;                   // of ln(time) on ln(bytes) over the types
  std::vector<double> kept;           // speed at each fill of the memory, of the emptiest
};

class Machine {
 public:
  // Everything is drawn from the seed; processes differ by 0.5 to 5 %.
  explicit Machine(std::uint64_t seed);

  const Truth& truth() const { return truth_; }
  // Standard deviation of ln(share of the ceiling) between processes of a block: their own noise,
  // the readings' errors, and what the walk of the bandwidth does to a share that is not 1.
  double share_noise() const;

  void next_block();  // minutes later
  // A process with treatments, in cycles, and a reading of the memory before each.
  struct Treated {
    std::vector<lab::TreatedStep> steps;
    std::vector<lab::CycleReading> memory;
  };
  Treated treated(const std::vector<lab::Treatment>& treatments, unsigned cycles);
  double share();                         // of the ceiling, of the same model, a fresh process
  std::vector<lab::TypeReading> types();  // a process for each type
  std::vector<double> shares_by_fill();   // a process for each fill of the memory

  static const std::vector<double>& fills();

 private:
  double uniform(double low, double high);
  double normal(double sd);
  void walk(double seconds);
  double step_s(double bytes, double arithmetic_s) const;  // without noise, at the bandwidth now
  double reading();                                        // bytes/s, one slice
  double probe();                                          // bytes/s, as a process reads it
  Truth find_truth() const;
  void draw_memory_curve();

  std::mt19937_64 engine_;
  double process_noise_ = 0;
  double bytes_ = 1.9e9, arithmetic_s_ = 0, overhead_s_ = 0, overlap_ = 1;
  double step_noise_ = 0, probe_error_ = 0, drift_ = 0, spikes_ = 0;
  std::vector<double> type_bytes_, type_arithmetic_s_;
  double log_bandwidth_ = 0;
  Truth truth_;
};

}  // namespace ceiling::simulation
