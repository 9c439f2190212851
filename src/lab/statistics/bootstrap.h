// Intervals that assume no distribution, as a check on those that do.
#pragma once

#include <cstdint>
#include <vector>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// Percentile interval of the mean of groups' means (blocks, and trials within them) by resampling
// groups with replacement and, within each chosen group, its values (Davison and Hinkley 1997,
// section 3.8). With few groups it is too narrow (at 10 groups a nominal 95 % covers about 89 %): a
// check beside the t interval, never what decides. Groups must not be empty.
Estimate hierarchical_bootstrap(const std::vector<std::vector<double>>& groups, double confidence,
                                std::size_t resamples, std::uint64_t seed);

}  // namespace ceiling::lab
