// What the times of a decode step are made of, by first values: before anything ran here.
#pragma once

#include <cstdint>
#include <vector>

#include "fit/decode_prediction.h"
#include "model/cost.h"
#include "model/program.h"
#include "quant/tensor_type.h"

namespace ceiling::fit {

// One type's part of the weights that a step reads: two times that overlap.
struct TypeTime {
  TensorType type = TensorType::F32;
  double read_s = 0;    // from memory
  double unpack_s = 0;  // were they near
  double log_sd = 0;
};

struct StepTimes {
  Cost cost;
  double floor_s = 0;  // all bytes at the read rate
  double fixed_s = 0;  // whatever the memory does
  double kv_s = 0;
  std::vector<TypeTime> stream;
};

// One sequence at the mean of positions [depth, depth + count). Uses no calibration.
StepTimes step_times(const Program& program, std::uint32_t depth, std::uint32_t count, KvType kv,
                     const MachineRates& rates);

// Of two that overlap: the longer, and somewhat more where they are alike.
double overlapped_s(double read_s, double unpack_s);

// What learned factors make of a type's part.
double learned_s(const TypeTime& part, const Calibration& learned);

}  // namespace ceiling::fit
