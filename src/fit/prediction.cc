#include "fit/prediction.h"

#include <cmath>

namespace ceiling::fit {

Prediction log_normal(double median, double log_sd) {
  constexpr double kZ80 = 1.2815515655446004;  // standard normal quantiles at 0.90 and 0.975
  constexpr double kZ95 = 1.959963984540054;
  return with_half_widths(median, kZ80 * log_sd, kZ95 * log_sd);
}

Prediction with_half_widths(double median, double p80, double p95) {
  const auto around = [&](double half) {
    return Interval{median * std::exp(-half), median * std::exp(half)};
  };
  return {median, around(p80), around(p95)};
}

double half_width(const Interval& interval) { return std::log(interval.high / interval.low) / 2; }

}  // namespace ceiling::fit
