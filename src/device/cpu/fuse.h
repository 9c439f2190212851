// From a segment of a Program to phases: which operations run together.
#pragma once

#include "device/cpu/flow.h"
#include "device/cpu/phases.h"
#include "model/weights.h"

namespace ceiling::cpu {

// Covers each step of [begin, end) exactly once. Products that share an input become one phase;
// biases, gated activations, residual additions and soft caps join the product that they follow;
// norms of heads, RoPE and the append join attention; all else is row work before the next phase.
// May add variables to the flow.
Plan fuse(const Program& program, const Weights& weights, std::size_t begin, std::size_t end,
          unsigned threads, Flow& flow);

}  // namespace ceiling::cpu
