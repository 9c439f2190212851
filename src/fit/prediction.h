// A prediction that can be wrong: a median and the intervals that it stakes.
#pragma once

namespace ceiling::fit {

struct Interval {
  double low = 0, high = 0;
};

struct Prediction {
  double median = 0;
  Interval p80, p95;  // central intervals; both hold the median
};

// A log-normal prediction: `log_sd` is the standard deviation of its natural logarithm.
Prediction log_normal(double median, double log_sd);

// Intervals by their half-widths of the natural logarithm.
Prediction with_half_widths(double median, double p80, double p95);
double half_width(const Interval& interval);

}  // namespace ceiling::fit
