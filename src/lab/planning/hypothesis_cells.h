// The cells that test hypotheses: what they measure, and which of a plan's cells stand for what.
#pragma once

#include <vector>

#include "lab/plan/treatment.h"

namespace ceiling::lab {

// Around a base of `base_arithmetic` repeats (0: the plain product): the base twice; bytes and
// arithmetic dilated 1.1, 1.2 and 1.3 times; the placebo.
const std::vector<Treatment>& local_treatments();
std::vector<Treatment> local_treatments(double base_arithmetic);

// The local ones, the larger doses that show the knee and whether added bytes reach memory
// (added_reads.h), and batches of 2, 4 and 8 sequences.
std::vector<Treatment> all_treatments();

}  // namespace ceiling::lab
