#include "lab/statistics/significance.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace ceiling::lab {
namespace {

// P(T > t).
double upper_tail(double t, double degrees_of_freedom) {
  const boost::math::students_t distribution(degrees_of_freedom);
  return boost::math::cdf(boost::math::complement(distribution, t));
}

}  // namespace

std::vector<double> holm_adjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double least = 0;  // the adjusted values must not fall where the raw ones rise
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    least = std::max(least, std::min(1.0, left * p_values[order[rank]]));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

double t_test(std::span<const double> values, double mean_tested) {
  const double difference = mean(values) - mean_tested;
  const auto n = static_cast<double>(values.size());
  const double error = standard_deviation(values) / std::sqrt(n);
  if (error == 0) return difference == 0 ? 1 : 0;
  return 2 * upper_tail(std::abs(difference) / error, n - 1);
}

double welch_test(std::span<const double> a, std::span<const double> b) {
  const WelchStatistic w = welch(a, b);
  if (w.standard_error == 0) return w.difference == 0 ? 1 : 0;
  return 2 * upper_tail(std::abs(w.difference) / w.standard_error, w.degrees_of_freedom);
}

double equivalence_p(double difference, double standard_error, double degrees_of_freedom,
                     double low, double high) {
  if (!(low < high) || !(standard_error >= 0)) {
    fail(ExitCode::failed, "statistics: an equivalence margin of {} to {}", low, high);
  }
  if (standard_error == 0) return difference > low && difference < high ? 0 : 1;
  const double above_low = upper_tail((difference - low) / standard_error, degrees_of_freedom);
  const double below_high = upper_tail((high - difference) / standard_error, degrees_of_freedom);
  return std::max(above_low, below_high);
}

double ratio_equivalence_p(std::span<const double> a, std::span<const double> b, double margin) {
  const std::vector<double> logs = log_ratios(a, b);
  const auto n = static_cast<double>(logs.size());
  const double bound = std::log1p(margin);
  return equivalence_p(mean(logs), standard_deviation(logs) / std::sqrt(n), n - 1, -bound, bound);
}

}  // namespace ceiling::lab
