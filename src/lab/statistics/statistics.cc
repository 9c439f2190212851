#include "lab/statistics/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace ceiling::lab {
namespace {

void require(bool sound, const char* what) {
  if (!sound) fail(ExitCode::failed, "statistics: {}", what);
}

std::vector<double> logarithms(std::span<const double> values) {
  std::vector<double> result;
  for (const double value : values) {
    require(value > 0, "a speed or share of 0 has no logarithm; expected values above 0");
    result.push_back(std::log(value));
  }
  return result;
}

Estimate exponentials(const Estimate& estimate) {
  return {std::exp(estimate.value), std::exp(estimate.low), std::exp(estimate.high), estimate.n};
}

}  // namespace

double mean(std::span<const double> values) {
  require(!values.empty(), "the mean of no values was asked for");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  require(values.size() >= 2, "the spread of fewer than two values was asked for");
  const double centre = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double median(std::span<const double> values) {
  require(!values.empty(), "the median of no values was asked for");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double quantile(std::vector<double> values, double probability) {
  std::ranges::sort(values);
  const double place = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

double t_quantile(double probability, double degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), probability);
}

Estimate mean_interval(std::span<const double> values, double confidence) {
  const double centre = mean(values);
  const auto n = static_cast<double>(values.size());
  if (values.size() < 2) return {centre, centre, centre, values.size()};
  const double half =
      t_quantile(0.5 + confidence / 2, n - 1) * standard_deviation(values) / std::sqrt(n);
  return {centre, centre - half, centre + half, values.size()};
}

Estimate geometric_interval(std::span<const double> values, double confidence) {
  return exponentials(mean_interval(logarithms(values), confidence));
}

std::vector<double> log_ratios(std::span<const double> a, std::span<const double> b) {
  require(a.size() == b.size(), "pairs of unequal number");
  std::vector<double> differences = logarithms(a);
  const std::vector<double> subtrahends = logarithms(b);
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] -= subtrahends[i];
  return differences;
}

Estimate paired_ratio(std::span<const double> a, std::span<const double> b, double confidence) {
  return exponentials(mean_interval(log_ratios(a, b), confidence));
}

WelchStatistic welch(std::span<const double> a, std::span<const double> b) {
  const auto squared_error = [](std::span<const double> values) {
    const double sd = standard_deviation(values);
    return sd * sd / static_cast<double>(values.size());
  };
  const double va = squared_error(a);
  const double vb = squared_error(b);
  const double freedom =
      (va + vb) * (va + vb) /
      (va * va / static_cast<double>(a.size() - 1) + vb * vb / static_cast<double>(b.size() - 1));
  return {mean(a) - mean(b), std::sqrt(va + vb), freedom};
}

Estimate welch_difference(std::span<const double> a, std::span<const double> b, double confidence) {
  const WelchStatistic w = welch(a, b);
  const std::size_t n = a.size() + b.size();
  if (w.standard_error == 0) return {w.difference, w.difference, w.difference, n};
  const double half = t_quantile(0.5 + confidence / 2, w.degrees_of_freedom) * w.standard_error;
  return {w.difference, w.difference - half, w.difference + half, n};
}

}  // namespace ceiling::lab
