#include "calibration/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "calibration/simulated_machine.h"
#include "lab/analysis/added_reads.h"
#include "lab/analysis/elasticity.h"
#include "lab/analysis/verdict.h"
#include "lab/planning/hypothesis_cells.h"

namespace ceiling::simulation {
namespace {

using lab::Verdict;

constexpr std::array kBlocks = {10U, 20U, 30U};  // the sealed extension
constexpr unsigned kCycles = 5;  // what the lab has time for where memory reads 30 GB/s
constexpr double kInside = 0.05;

// Where a truth lies: in the region of a verdict by a margin (negative: outside it).
struct Region {
  double supported, refuted;
  bool in(Verdict verdict) const {
    return verdict == Verdict::supported ? supported >= 0 : refuted >= 0;
  }
  bool clear() const { return std::max(supported, refuted) >= kInside; }
};

struct Observed {
  std::vector<double> a, b;  // the A/A pair's shares
  std::vector<lab::LocalSlopes> slopes;
  std::vector<lab::AddedReads> added;
  std::vector<std::vector<lab::TypeReading>> types;
  std::vector<std::vector<double>> fills;  // [block][level]
};

// The doses of the lab's treated cell, less those that no verdict looks at.
const std::vector<lab::Treatment>& treatments() {
  static const std::vector<lab::Treatment> all = [] {
    std::vector<lab::Treatment> list = lab::all_treatments();
    std::erase_if(list, [](const lab::Treatment& t) {
      return t.sequences > 1 || t.arithmetic > lab::kLargestLocalDose;
    });
    return list;
  }();
  return all;
}

void observe_block(Machine& machine, Observed& seen) {
  machine.next_block();
  seen.a.push_back(machine.share());
  seen.b.push_back(machine.share());
  const Machine::Treated process = machine.treated(treatments(), kCycles);
  seen.slopes.push_back(lab::local_slopes(process.steps, treatments()).value());
  seen.added.push_back(lab::added_reads(process.steps, process.memory, treatments()).value());
  seen.types.push_back(machine.types());
  seen.fills.push_back(machine.shares_by_fill());
}

std::vector<lab::FillLevel> levels_of(const Observed& seen, double confidence) {
  std::vector<lab::FillLevel> levels;
  const auto level = [&](std::size_t i) {
    std::vector<double> shares;
    for (const auto& block : seen.fills) shares.push_back(block[i]);
    return shares;
  };
  for (std::size_t i = 0; i < Machine::fills().size(); ++i) {
    levels.push_back({Machine::fills()[i], lab::paired_ratio(level(i), level(0), confidence),
                      lab::paired_ratio(level(i), level(i == 0 ? 0 : i - 1), confidence)});
  }
  return levels;
}

void count(Tally& tally, const Region& region, bool passed, Verdict verdict) {
  ++tally.machines;
  if (!passed) {
    ++tally.gated;
    verdict = Verdict::none;
  }
  const bool decided = verdict == Verdict::supported || verdict == Verdict::refuted;
  tally.wrong += decided && !region.in(verdict) ? 1 : 0;
  if (!region.clear()) return;
  ++tally.clear;
  tally.clear_right += decided && region.in(verdict) ? 1 : 0;
}

void count_interval(Tally& tally, const lab::Estimate& interval, double truth) {
  ++tally.intervals;
  tally.covered += interval.low <= truth && truth <= interval.high ? 1 : 0;
}

Region bandwidth_region(const Truth& truth, const lab::Thresholds& t) {
  const double supported =
      std::min({truth.bandwidth - t.bandwidth_least, t.bandwidth_most - truth.bandwidth,
                t.compute_below - truth.compute});
  const double refuted =
      std::max(t.bandwidth_refuted_below - truth.bandwidth, truth.compute - truth.bandwidth);
  return {supported, refuted};
}

Region slope_region(const Truth& truth, const lab::Thresholds& t) {
  return {std::min(truth.slope - t.slope_least, t.slope_most - truth.slope),
          t.slope_least - truth.slope};
}

Region fill_region(const Truth& truth, const lab::Thresholds& t) {
  Region region{1, -1};
  for (std::size_t i = 1; i < truth.kept.size(); ++i) {
    const double step = truth.kept[i] / truth.kept[i - 1];
    region.supported = std::min(region.supported, step - t.step_keeps);
    region.refuted = std::max(region.refuted, t.cliff_keeps - step);
    if (Machine::fills()[i] > t.kept_until + 1e-9) continue;
    // The margin of 5 % itself is the room inside the region: a machine that loses nothing is
    // clear.
    region.supported = std::min(region.supported, truth.kept[i] - t.kept_speed);
  }
  return region;
}

void judge(Machine& machine, Tally& h1, Tally& h2, Tally& h3) {
  const lab::Thresholds t;
  Observed seen;
  bool passed = false, passed_memory = false;
  Verdict verdict_h3 = Verdict::none;
  for (const unsigned blocks : kBlocks) {
    while (seen.a.size() < blocks) observe_block(machine, seen);
    if (!passed_memory && lab::same_same(seen.a, seen.b, t.same_within_memory).passed) {
      passed_memory = true;
      verdict_h3 = lab::decide_graceful(levels_of(seen, t.confidence), t).verdict;
    }
    passed = lab::same_same(seen.a, seen.b, t.same_within).passed;
    if (passed) break;
  }
  const Truth& truth = machine.truth();
  // Doses alternate inside processes: H1 compares no cells, and has its controls for a gate.
  const lab::Elasticities decides = lab::elasticities(seen.slopes, t.confidence);
  const bool added = lab::surely_arithmetic(decides, t) ||
                     lab::reached_memory(lab::added_rate(seen.added, t.confidence), t);
  count(h1, bandwidth_region(truth, t), added, lab::decide_bandwidth_bound(decides, t).verdict);
  count(h2, slope_region(truth, t), passed,
        lab::decide_proportional(lab::type_slope(seen.types, t.confidence), t).verdict);
  count(h3, fill_region(truth, t), passed_memory, verdict_h3);
  const lab::Elasticities shown = lab::elasticities(seen.slopes, 0.95);
  count_interval(h1, shown.bandwidth, truth.bandwidth);
  count_interval(h1, shown.compute, truth.compute);
  count_interval(h2, lab::type_slope(seen.types, 0.95).slope, truth.slope);
  const auto levels = levels_of(seen, 0.95);
  for (std::size_t i = 1; i < levels.size(); ++i) {
    count_interval(h3, levels[i].speed, truth.kept[i]);
  }
}

std::string percent(unsigned part, unsigned whole) {
  return whole == 0 ? "–" : fmt::format("{:.1f}", 100.0 * part / whole);
}

}  // namespace

Calibration calibrate(unsigned machines, std::uint64_t seed) {
  Calibration result;
  result.most_noise = {0.015, 0.025, 0.04, 1};
  for (auto* tallies : {&result.h1, &result.h2, &result.h3}) {
    tallies->resize(result.most_noise.size());
  }
  for (unsigned i = 0; i < machines; ++i) {
    Machine machine(seed + i);
    std::size_t row = 0;
    while (machine.share_noise() > result.most_noise[row]) ++row;
    judge(machine, result.h1[row], result.h2[row], result.h3[row]);
  }
  return result;
}

Tally sum(const std::vector<Tally>& tallies) {
  Tally all;
  for (const Tally& t : tallies) {
    for (const auto member : {&Tally::machines, &Tally::wrong, &Tally::gated, &Tally::clear,
                              &Tally::clear_right, &Tally::intervals, &Tally::covered}) {
      all.*member += t.*member;
    }
  }
  return all;
}

std::string markdown(const Calibration& calibration) {
  std::string out =
      "| hypothesis | noise of the share between processes | machines | wrong verdicts, % | no "
      "verdict by a gate, % | truth clearly inside a region | of these decided and right, % "
      "| "
      "95 % intervals that cover, % |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  const auto row = [&](std::string_view name, const std::string& noise, const Tally& t) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", name, noise, t.machines,
                       percent(t.wrong, t.machines), percent(t.gated, t.machines), t.clear,
                       percent(t.clear_right, t.clear), percent(t.covered, t.intervals));
  };
  const auto add = [&](std::string_view name, const std::vector<Tally>& tallies) {
    for (std::size_t i = 0; i < tallies.size(); ++i) {
      const double most = calibration.most_noise[i];
      row(name,
          most < 1 ? fmt::format("up to {:.1f} %", 100 * most)
                   : fmt::format("above {:.1f} %", 100 * calibration.most_noise[i - 1]),
          tallies[i]);
    }
    row(name, "all", sum(tallies));
  };
  add("H1", calibration.h1);
  add("H2", calibration.h2);
  add("H3", calibration.h3);
  return out;
}

}  // namespace ceiling::simulation
