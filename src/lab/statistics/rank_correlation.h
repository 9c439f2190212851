// Whether one number orders things as another does, whatever the scale of either.
#pragma once

#include <cstdint>
#include <span>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// Spearman's rank correlation of as many x as y, ties at their middle rank (Kendall and Gibbons
// 1990, chapters 1 and 3). From -1 to 1; 0 where one of them does not vary. At least two pairs.
double rank_correlation(std::span<const double> x, std::span<const double> y);

// How much better x orders y than `other` does: the difference of both rank correlations with y,
// over the same things, and its percentile interval by resampling things (Davison and Hinkley 1997,
// section 5.3). At least two things.
Estimate rank_correlation_gain(std::span<const double> x, std::span<const double> other,
                               std::span<const double> y, double confidence, std::size_t resamples,
                               std::uint64_t seed);

}  // namespace ceiling::lab
