// Tests of significance: many comparisons at once, and equivalence.
#pragma once

#include <span>
#include <vector>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// Holm's step-down adjustment (Holm 1979): the family's error is kept below alpha by rejecting each
// hypothesis whose adjusted p value is below it. In the order given; p values in [0, 1].
std::vector<double> holm_adjusted(std::span<const double> p_values);

// Two-sided p value that the mean is `mean` (Student's t). At least two values; where all are
// equal: 1 if they are the mean, else 0.
double t_test(std::span<const double> values, double mean);

// The same that two unpaired means are equal (Welch). Where nothing varies: 1 if they are, else 0.
double welch_test(std::span<const double> a, std::span<const double> b);

// Two one-sided tests (Schuirmann 1987) of a difference with a standard error on
// `degrees_of_freedom`: the p value of "it lies outside [low, high]". Below 0.05 exactly where the
// 90 % interval lies inside the margin.
double equivalence_p(double difference, double standard_error, double degrees_of_freedom,
                     double low, double high);

// The same for the geometric mean of paired ratios a[i] / b[i] against [1 / (1 + margin),
// 1 + margin].
double ratio_equivalence_p(std::span<const double> a, std::span<const double> b, double margin);

}  // namespace ceiling::lab
