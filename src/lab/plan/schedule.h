// The order of trials: drawn from the sealed seed, so that nobody can choose it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ceiling::lab {

// schedule[b] holds the cells (indices) of block b in order: the reference cell opens and closes
// the block, every other cell stands between once, in an order of its own. With one cell only, it
// stands once. Blocks that are added later do not change the order of earlier ones.
std::vector<std::vector<std::size_t>> make_schedule(std::uint64_t seed, std::size_t blocks,
                                                    std::size_t cells, std::size_t reference);

}  // namespace ceiling::lab
