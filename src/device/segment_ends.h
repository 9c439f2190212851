// What crosses the two ends of a segment: the values that enter, and those that it hands on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace ceiling {

// Rows of a value in one step.
struct StepRows {
  std::uint32_t rows = 0, logit_rows = 0;
  std::uint32_t of(const Value& value) const {
    return value.rows == RowSet::batch ? rows : logit_rows;
  }
};
StepRows step_rows(const Batch& batch);

struct SegmentEnds {
  SegmentEnds(const Program& program, std::size_t begin, std::size_t end);
  std::vector<ValueId> entering;  // as values_across(begin)
  std::vector<ValueId> leaving;   // as values_across(end), or the logits
  bool has_state = false;         // some step appends to a KV cache or reads one
};

std::size_t floats_of(const Program& program, const std::vector<ValueId>& values, StepRows rows);

// check_batch(), and Error(failed) unless as many floats enter as the segment takes.
void check_step(const Batch& batch, std::span<const float> boundary_in, const Program& program,
                const SegmentEnds& ends, const CompileOptions& options, std::string_view device);

}  // namespace ceiling
