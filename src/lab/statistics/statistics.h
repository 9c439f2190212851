// The statistics that a verdict may rest on; each is tested against published worked examples.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ceiling::lab {

struct Estimate {
  double value = 0;
  double low = 0, high = 0;  // ends of the interval; both are the value where n is 1
  std::size_t n = 0;         // independent observations
};

// All take at least one value; standard_deviation at least two (divisor n - 1).
double mean(std::span<const double> values);
double standard_deviation(std::span<const double> values);
double median(std::span<const double> values);
// Linear between order statistics (type 7 of Hyndman and Fan 1996); probability in [0, 1].
double quantile(std::vector<double> values, double probability);

// Student's t quantile and the mean's two-sided interval at `confidence` (0.90, 0.95).
double t_quantile(double probability, double degrees_of_freedom);
Estimate mean_interval(std::span<const double> values, double confidence);

// The same on logarithms, carried back: the geometric mean of values > 0. For speeds and shares,
// whose noise is a factor.
Estimate geometric_interval(std::span<const double> values, double confidence);

// ln(a[i] / b[i]); values > 0, as many of a as of b.
std::vector<double> log_ratios(std::span<const double> a, std::span<const double> b);

// Geometric mean of a[i] / b[i] with its interval: what a block does to both cancels.
Estimate paired_ratio(std::span<const double> a, std::span<const double> b, double confidence);

// Two unpaired means, unequal variances (Welch 1947): for separate machines. At least two values
// each.
struct WelchStatistic {
  double difference = 0, standard_error = 0;
  double degrees_of_freedom = 0;  // meaningless where nothing varies
};
WelchStatistic welch(std::span<const double> a, std::span<const double> b);
Estimate welch_difference(std::span<const double> a, std::span<const double> b, double confidence);

}  // namespace ceiling::lab
