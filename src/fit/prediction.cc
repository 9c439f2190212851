#include "fit/prediction.h"

#include <cmath>

namespace ceiling::fit {

Prediction log_normal(double median, double log_sd) {
  constexpr double kZ80 = 1.2815515655446004;  // standard normal quantiles at 0.90 and 0.975
  constexpr double kZ95 = 1.959963984540054;
  const auto around = [&](double z) {
    return Interval{median * std::exp(-z * log_sd), median * std::exp(z * log_sd)};
  };
  return {median, around(kZ80), around(kZ95)};
}

}  // namespace ceiling::fit
