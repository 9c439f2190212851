// Which rows of a phase's products each thread computes, where the rows of activations are few.
#pragma once

#include <vector>

#include "device/cpu/phases.h"

namespace ceiling::cpu {

// [thread]: pieces in order of address, about the same bytes of weights for each thread. A thread's
// pieces begin with long ones, which stream best, and end with short ones, which other threads can
// take over; a thread alone has each product in one. They start at whole cache lines of outputs.
std::vector<std::vector<Piece>> share_rows(const std::vector<MatrixProduct>& products,
                                           unsigned threads);

}  // namespace ceiling::cpu
