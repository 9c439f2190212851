// What the machine's memory gives now, over the very bytes that decode reads.
#pragma once

#include <cstddef>
#include <span>

#include "base/units.h"

namespace ceiling::cli {

// The median of short slices read over `region` (the model's mapping) by as many threads as are
// best here; takes about 0.2 s. Call it while no other work of this process runs.
BytesPerSecond measure_ceiling(std::span<const std::byte> region);

}  // namespace ceiling::cli
