#include "lab/analysis/elasticity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace ceiling::lab {
namespace {

struct Observation {
  std::size_t dose;  // index of the treatment
  std::uint32_t cycle;
  double log_s;
};

double trimmed_mean(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t cut = values.size() / 5;
  return mean(std::span(values).subspan(cut, values.size() - 2 * cut));
}

// ln(seconds) = cycle + dose + noise with spikes. Dose effects, by treatment.
std::map<std::size_t, double> dose_effects(const std::vector<Observation>& observations) {
  constexpr int kRounds = 6;  // far beyond what changes a fourth digit
  std::map<std::size_t, double> dose;
  std::map<std::uint32_t, double> cycle;
  for (int round = 0; round < kRounds; ++round) {
    std::map<std::uint32_t, std::vector<double>> by_cycle;
    for (const Observation& o : observations) by_cycle[o.cycle].push_back(o.log_s - dose[o.dose]);
    for (const auto& [c, values] : by_cycle) cycle[c] = median(values);
    std::map<std::size_t, std::vector<double>> by_dose;
    for (const Observation& o : observations) by_dose[o.dose].push_back(o.log_s - cycle[o.cycle]);
    for (auto& [d, values] : by_dose) dose[d] = trimmed_mean(values);
  }
  return dose;
}

struct Point {
  double x, y, weight;
};

// Weighted least squares of y = a + b x + c x^2; b, the slope at 0.
std::optional<double> slope_at_zero(const std::vector<Point>& points) {
  std::set<double> distinct;
  for (const Point& p : points) distinct.insert(p.x);
  if (distinct.size() < 3) return std::nullopt;
  std::array<std::array<double, 4>, 3> m{};  // normal equations with their right-hand side
  for (const Point& p : points) {
    const std::array<double, 3> basis = {1, p.x, p.x * p.x};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) m[i][j] += p.weight * basis[i] * basis[j];
      m[i][3] += p.weight * basis[i] * p.y;
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < 3; ++r) {
      if (std::abs(m[r][i]) > std::abs(m[pivot][i])) pivot = r;
    }
    std::swap(m[i], m[pivot]);
    for (std::size_t r = 0; r < 3; ++r) {
      if (r == i) continue;
      const double factor = m[r][i] / m[i][i];
      for (std::size_t c = i; c < 4; ++c) m[r][c] -= factor * m[i][c];
    }
  }
  return m[1][3] / m[1][1];
}

// Weighted least squares of y = a + b x; b.
std::optional<double> slope_of_line(const std::vector<Point>& points) {
  double weight = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const Point& p : points) {
    weight += p.weight;
    x += p.weight * p.x;
    y += p.weight * p.y;
  }
  for (const Point& p : points) {
    xx += p.weight * (p.x - x / weight) * (p.x - x / weight);
    xy += p.weight * (p.x - x / weight) * (p.y - y / weight);
  }
  if (!(xx > 0)) return std::nullopt;
  return xy / xx;
}

// A cycle may hold a treatment several times: all of them are one dose, under its first index.
std::size_t dose_of(std::span<const Treatment> treatments, std::size_t index) {
  return static_cast<std::size_t>(
      std::find(treatments.begin(), treatments.end(), treatments[index]) - treatments.begin());
}

// Treatments around one base, by what they dilate.
class LocalDoses {
 public:
  LocalDoses(std::span<const TreatedStep> steps, std::span<const Treatment> treatments,
             double base_arithmetic)
      : treatments_(treatments), base_(base_arithmetic) {
    std::set<std::uint32_t> cycles;
    for (const TreatedStep& step : steps) {
      if (step.treatment >= treatments.size() || !is_local(treatments[step.treatment])) continue;
      const std::size_t dose = dose_of(treatments, step.treatment);
      observations_.push_back({dose, step.cycle, std::log(step.seconds)});
      added_[dose] = static_cast<double>(step.added_bytes);
      if (is_base(treatments[step.treatment])) {
        base_bytes_ = static_cast<double>(step.read_bytes);
      }
      cycles.insert(step.cycle);
      ++counts_[dose];
    }
    cycles_ = cycles.size();
    if (cycles_ > 0) effects_ = dose_effects(observations_);
  }

  std::size_t cycles() const { return cycles_; }

  template <typename Dilation>  // of a treatment; 1 for the base, empty for others' knobs
  std::vector<Point> points(const Dilation& dilation) const {
    std::vector<Point> points;
    for (const auto& [index, effect] : effects_) {
      const std::optional<double> dilated = dilation(index);
      if (!dilated) continue;
      points.push_back({std::log(*dilated), effect, static_cast<double>(counts_.at(index))});
    }
    return points;
  }

  std::optional<double> bytes_dilated(std::size_t i) const {
    const Treatment& t = treatments_[i];
    if (is_base(t)) return 1;
    if (t.bytes <= 0 || t.arithmetic != base_ || base_bytes_ <= 0) return std::nullopt;
    return 1 + added_.at(i) / base_bytes_;
  }
  std::optional<double> loads_dilated(std::size_t i) const {
    const Treatment& t = treatments_[i];
    if (is_base(t)) return 1;
    if (t.cached_bytes <= 0 || t.arithmetic != base_) return std::nullopt;
    return 1 + t.cached_bytes;
  }
  std::optional<double> arithmetic_dilated(std::size_t i) const {
    const Treatment& t = treatments_[i];
    if (t.bytes > 0 || t.cached_bytes > 0) return std::nullopt;
    return (1 + t.arithmetic) / (1 + base_);
  }

 private:
  bool is_base(const Treatment& t) const {
    return t.bytes == 0 && t.cached_bytes == 0 && t.arithmetic == base_;
  }
  bool is_local(const Treatment& t) const {
    constexpr double kMost = 1 + kLargestLocalDose + 1e-9;
    return t.sequences == 1 && t.arithmetic >= base_ && 1 + t.bytes <= kMost &&
           1 + t.cached_bytes <= kMost && 1 + t.arithmetic <= kMost * (1 + base_);
  }

  std::span<const Treatment> treatments_;
  double base_;
  std::vector<Observation> observations_;
  std::map<std::size_t, double> added_, effects_;
  std::map<std::size_t, std::size_t> counts_;
  double base_bytes_ = 0;
  std::size_t cycles_ = 0;
};

}  // namespace

std::optional<LocalSlopes> local_slopes(std::span<const TreatedStep> steps,
                                        std::span<const Treatment> treatments,
                                        double base_arithmetic) {
  constexpr std::size_t kLeastCycles = 3;
  const LocalDoses doses(steps, treatments, base_arithmetic);
  if (doses.cycles() < kLeastCycles) return std::nullopt;
  const auto bandwidth =
      slope_at_zero(doses.points([&](std::size_t i) { return doses.bytes_dilated(i); }));
  const auto compute =
      slope_at_zero(doses.points([&](std::size_t i) { return doses.arithmetic_dilated(i); }));
  if (!bandwidth || !compute) return std::nullopt;
  const auto placebo =
      slope_of_line(doses.points([&](std::size_t i) { return doses.loads_dilated(i); }));
  return LocalSlopes{*bandwidth, placebo.value_or(0), *compute};
}

Elasticities elasticities(std::span<const LocalSlopes> processes, double confidence) {
  const auto over = [&](double LocalSlopes::* member) {
    std::vector<double> values;
    for (const LocalSlopes& slopes : processes) values.push_back(slopes.*member);
    return mean_interval(values, confidence);
  };
  Elasticities result{over(&LocalSlopes::bandwidth), over(&LocalSlopes::placebo),
                      over(&LocalSlopes::compute), 0};
  result.sum = result.bandwidth.value + result.compute.value;
  return result;
}

std::vector<std::optional<double>> relative_times(std::span<const TreatedStep> steps,
                                                  std::span<const Treatment> treatments,
                                                  std::size_t base) {
  std::vector<Observation> observations;
  for (const TreatedStep& step : steps) {
    if (step.treatment >= treatments.size()) continue;
    observations.push_back(
        {dose_of(treatments, step.treatment), step.cycle, std::log(step.seconds)});
  }
  const std::map<std::size_t, double> effects = dose_effects(observations);
  std::vector<std::optional<double>> result(treatments.size());
  if (base >= treatments.size() || effects.count(dose_of(treatments, base)) == 0) return result;
  const double plain = effects.at(dose_of(treatments, base));
  for (const auto& [index, effect] : effects) result[index] = std::exp(effect - plain);
  return result;
}

}  // namespace ceiling::lab
