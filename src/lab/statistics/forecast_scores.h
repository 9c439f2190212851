// How good predictions were, once the results are known.
#pragma once

#include <cstddef>

#include "fit/prediction.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// The interval score of Gneiting and Raftery (2007, equation 43) for a central interval that claims
// 1 - alpha: its width, plus 2 / alpha times the distance by which the result fell outside. Smaller
// is better; both honest and sharp intervals are rewarded.
double interval_score(const fit::Interval& interval, double alpha, double result);

// Share of results inside their intervals with the exact binomial interval (Clopper and Pearson
// 1934). `n` at least 1.
Estimate coverage(std::size_t inside, std::size_t n, double confidence);

}  // namespace ceiling::lab
