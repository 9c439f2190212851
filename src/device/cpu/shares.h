// Which rows of a phase's products each thread computes.
#pragma once

#include <vector>

#include "device/cpu/phases.h"

namespace ceiling::cpu {

// [thread][product]: contiguous ranges, in order of address, with about the same bytes of weights
// for each thread. Ranges start at whole cache lines of outputs.
std::vector<std::vector<RowRange>> share_rows(const std::vector<Product>& products,
                                              unsigned threads);

}  // namespace ceiling::cpu
