// Dividing `count` things among threads.
#pragma once

#include <algorithm>
#include <cstddef>

#include "device/cpu/phases.h"

namespace ceiling::cpu {

// Contiguous, as equal as multiples of `granule` allow.
inline RowRange share_of(std::size_t count, unsigned index, unsigned threads, std::size_t granule) {
  const std::size_t granules = (count + granule - 1) / granule;
  return {std::min(granules * index / threads * granule, count),
          std::min(granules * (index + 1) / threads * granule, count)};
}

}  // namespace ceiling::cpu
