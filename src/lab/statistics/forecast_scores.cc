#include "lab/statistics/forecast_scores.h"

#include <boost/math/distributions/binomial.hpp>

#include "base/error.h"

namespace ceiling::lab {

double interval_score(const fit::Interval& interval, double alpha, double result) {
  double score = interval.high - interval.low;
  if (result < interval.low) score += 2 / alpha * (interval.low - result);
  if (result > interval.high) score += 2 / alpha * (result - interval.high);
  return score;
}

Estimate coverage(std::size_t inside, std::size_t n, double confidence) {
  if (n == 0 || inside > n) {
    fail(ExitCode::failed, "statistics: {} of {} results inside", inside, n);
  }
  using Binomial = boost::math::binomial_distribution<double>;
  const double tail = (1 - confidence) / 2;
  const auto trials = static_cast<double>(n);
  const auto successes = static_cast<double>(inside);
  return {successes / trials,
          Binomial::find_lower_bound_on_p(trials, successes, tail,
                                          Binomial::clopper_pearson_exact_interval),
          Binomial::find_upper_bound_on_p(trials, successes, tail,
                                          Binomial::clopper_pearson_exact_interval),
          n};
}

}  // namespace ceiling::lab
