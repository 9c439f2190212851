// A placed Program as one executable: each segment on its unit, the values that cross handed on.
#pragma once

#include <memory>
#include <vector>

#include "device/device.h"

namespace ceiling {

// The parts have pages of the same number of positions. Page n of the whole is page n of each.
std::unique_ptr<KvStore> join_stores(std::vector<std::unique_ptr<KvStore>> parts);
// Likewise, of stores that others own and that outlive it; at least one.
std::unique_ptr<KvStore> view_of(std::vector<KvStore*> parts);

// In the Program's order.
std::unique_ptr<Executable> join_executables(std::vector<std::unique_ptr<Executable>> parts);

}  // namespace ceiling
