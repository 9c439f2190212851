#include "device/segment_ends.h"

#include "base/error.h"
#include "device/batch_check.h"

namespace ceiling {

StepRows step_rows(const Batch& batch) {
  return {static_cast<std::uint32_t>(batch.rows.size()),
          static_cast<std::uint32_t>(batch.logit_rows())};
}

SegmentEnds::SegmentEnds(const Program& program, std::size_t begin, std::size_t end)
    : entering(values_across(program, begin)) {
  leaving = end == program.steps.size() ? std::vector<ValueId>{program.logits}
                                        : values_across(program, end);
  for (std::size_t i = begin; i < end; ++i) {
    const Operation& operation = program.steps[i].operation;
    has_state = has_state || std::holds_alternative<KvAppend>(operation) ||
                std::holds_alternative<Attention>(operation);
  }
}

std::size_t floats_of(const Program& program, const std::vector<ValueId>& values, StepRows rows) {
  std::size_t floats = 0;
  for (const ValueId id : values) {
    const Value& value = program.values[id];
    floats += std::size_t{value.width} * rows.of(value);
  }
  return floats;
}

void check_step(const Batch& batch, std::span<const float> boundary_in, const Program& program,
                const SegmentEnds& ends, const CompileOptions& options, std::string_view device) {
  check_batch(batch, program, options, device);
  const std::size_t expected = floats_of(program, ends.entering, step_rows(batch));
  if (boundary_in.size() != expected) {
    fail(ExitCode::failed, "{} values enter the segment, {} were expected", boundary_in.size(),
         expected);
  }
}

}  // namespace ceiling
