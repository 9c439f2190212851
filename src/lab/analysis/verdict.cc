#include "lab/analysis/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "lab/statistics/significance.h"

namespace ceiling::lab {
namespace {

std::string interval(const Estimate& e) {
  return fmt::format("{:.2f} ({:.2f}–{:.2f})", e.value, e.low, e.high);
}

bool inside(const Estimate& e, double low, double high) { return e.low >= low && e.high <= high; }

// Least squares of ln(seconds) on ln(bytes), leaving out one reading (or none: `skip` beyond them).
double slope_of(const std::vector<TypeReading>& types, std::size_t skip) {
  std::vector<double> x, y;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (i == skip) continue;
    x.push_back(std::log(types[i].bytes_per_token));
    y.push_back(std::log(types[i].seconds_per_token));
  }
  const double mx = mean(x);
  const double my = mean(y);
  double xy = 0, xx = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
  }
  return xy / xx;
}

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::supported:
      return "supported";
    case Verdict::refuted:
      return "refuted";
    case Verdict::inconclusive:
      return "inconclusive";
    default:
      return "no verdict";
  }
}

std::string_view name(Bound bound) {
  switch (bound) {
    case Bound::memory:
      return "memory-bound";
    case Bound::compute:
      return "compute-bound";
    case Bound::overhead:
      return "overhead-bound";
    default:
      return "unclear";
  }
}

bool surely_arithmetic(const Elasticities& e, const Thresholds& t) {
  return e.compute.low > 1 - t.bandwidth_refuted_below;
}

Bound bound_of(const Elasticities& e, const Thresholds& t) {
  // Where little of the time follows either, what is left over is overhead.
  if (e.bandwidth.high < 0.5 && e.compute.high < 0.5) return Bound::overhead;
  if (inside(e.bandwidth, t.bandwidth_least, t.bandwidth_most) &&
      e.compute.high < t.compute_below) {
    return Bound::memory;
  }
  return e.compute.low > e.bandwidth.high ? Bound::compute : Bound::unclear;
}

Decision decide_bandwidth_bound(const Elasticities& e, const Thresholds& t) {
  Decision d;
  d.because = fmt::format(
      "the elasticity of speed to bandwidth is {}, to arithmetic {} (intervals of {:.0f} %)",
      interval(e.bandwidth), interval(e.compute), 100 * t.confidence);
  if (inside(e.bandwidth, t.bandwidth_least, t.bandwidth_most) &&
      e.compute.high < t.compute_below) {
    d.verdict = Verdict::supported;
    d.otherwise = fmt::format(
        "an interval for bandwidth that leaves {:.2f}–{:.2f}, or one for arithmetic that reaches "
        "{:.2f}",
        t.bandwidth_least, t.bandwidth_most, t.compute_below);
  } else if (e.bandwidth.high < t.bandwidth_refuted_below || e.compute.low > e.bandwidth.high) {
    d.verdict = Verdict::refuted;
    d.otherwise = fmt::format(
        "an interval for bandwidth that reaches {:.2f} and is not below that for arithmetic",
        t.bandwidth_refuted_below);
  } else {
    d.verdict = Verdict::inconclusive;
    d.otherwise = fmt::format(
        "intervals inside {:.2f}–{:.2f} for bandwidth and below {:.2f} for arithmetic (supported), "
        "or below {:.2f} for bandwidth (refuted)",
        t.bandwidth_least, t.bandwidth_most, t.compute_below, t.bandwidth_refuted_below);
  }
  return d;
}

TypeSlope type_slope(const std::vector<std::vector<TypeReading>>& blocks, double confidence) {
  constexpr std::size_t kLeastTypes = 4;
  if (blocks.size() < 2 || blocks.front().size() < kLeastTypes) {
    fail(ExitCode::failed,
         "statistics: a slope over types needs two blocks of {} types; got {} of {}", kLeastTypes,
         blocks.size(), blocks.empty() ? 0 : blocks.front().size());
  }
  const std::size_t types = blocks.front().size();
  const auto over_blocks = [&](std::size_t skip) {
    std::vector<double> slopes;
    for (const auto& block : blocks) slopes.push_back(slope_of(block, skip));
    return slopes;
  };
  TypeSlope result;
  result.slope = mean_interval(over_blocks(types), confidence);
  for (std::size_t i = 0; i < types; ++i) result.without.push_back(mean(over_blocks(i)));
  const auto [least, most] = std::minmax_element(blocks.front().begin(), blocks.front().end(),
                                                 [](const TypeReading& a, const TypeReading& b) {
                                                   return a.bytes_per_token < b.bytes_per_token;
                                                 });
  result.range = most->bytes_per_token / least->bytes_per_token;
  return result;
}

Decision decide_proportional(const TypeSlope& s, const Thresholds& t) {
  const auto all_without = [&](auto holds) {
    return std::all_of(s.without.begin(), s.without.end(), holds);
  };
  const auto [least, most] = std::minmax_element(s.without.begin(), s.without.end());
  Decision d;
  d.because = fmt::format(
      "the slope of ln(time) on ln(bytes) is {}, and {:.2f}–{:.2f} with one type "
      "left out",
      interval(s.slope), *least, *most);
  if (inside(s.slope, t.slope_least, t.slope_most) &&
      all_without([&](double x) { return x >= t.slope_least && x <= t.slope_most; })) {
    d.verdict = Verdict::supported;
    d.otherwise = fmt::format(
        "an interval, or a slope with one type left out, that leaves "
        "{:.2f}–{:.2f}",
        t.slope_least, t.slope_most);
  } else if (s.slope.high < t.slope_least &&
             all_without([&](double x) { return x < t.slope_least; })) {
    d.verdict = Verdict::refuted;
    d.otherwise = fmt::format("an interval that reaches {:.2f}", t.slope_least);
  } else {
    d.verdict = Verdict::inconclusive;
    d.otherwise = fmt::format(
        "an interval inside {:.2f}–{:.2f} (supported) or below it (refuted), whichever type is "
        "left "
        "out",
        t.slope_least, t.slope_most);
  }
  return d;
}

Decision decide_graceful(std::span<const FillLevel> levels, const Thresholds& t) {
  if (levels.size() < 2) fail(ExitCode::failed, "statistics: a curve of {} levels", levels.size());
  bool kept = true;
  const FillLevel* worst = nullptr;
  for (std::size_t i = 1; i < levels.size(); ++i) {
    const FillLevel& level = levels[i];
    if (level.fill > 1 + 1e-9) break;  // beyond the memory is described, not judged
    if (worst == nullptr || level.step.value < worst->step.value) worst = &level;
    if (level.fill <= t.kept_until + 1e-9) kept = kept && level.speed.low >= t.kept_speed;
    kept = kept && level.step.low >= t.step_keeps;
  }
  Decision d;
  if (worst == nullptr) return {Verdict::inconclusive, "no level up to the whole memory", ""};
  d.because = fmt::format(
      "the largest loss in one step comes at {:.2f} of the memory: {} of the "
      "speed before is kept",
      worst->fill, interval(worst->step));
  if (kept) {
    d.verdict = Verdict::supported;
    d.otherwise = fmt::format(
        "a step that keeps less than {:.2f}, or less than {:.2f} of the speed "
        "up to {:.2f}",
        t.step_keeps, t.kept_speed, t.kept_until);
  } else if (worst->step.high < t.cliff_keeps) {
    d.verdict = Verdict::refuted;
    d.otherwise = fmt::format("no step that loses half");
  } else {
    d.verdict = Verdict::inconclusive;
    d.otherwise = fmt::format(
        "steps that surely keep {:.2f} (supported), or one that surely loses "
        "half (refuted)",
        t.step_keeps);
  }
  return d;
}

SameSame same_same(std::span<const double> a, std::span<const double> b, double margin) {
  SameSame result;
  result.ratio = paired_ratio(a, b, 0.90);
  result.p = ratio_equivalence_p(a, b, margin);
  result.passed = result.p < 0.05;
  return result;
}

}  // namespace ceiling::lab
