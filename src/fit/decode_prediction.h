// Decode speed before any model has run: the machine's measured read rate and the Program's exact
// bytes, with the share of the ceiling that our kernels and their overhead leave.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/units.h"
#include "fit/prediction.h"
#include "model/cost.h"
#include "model/program.h"

namespace ceiling::fit {

// What runs on this machine have taught: how its streams and its fixed costs differ from the first
// values, as factors of their times.
struct Calibration {
  double stream = 1;                   // of reading weights
  double unpack = 1;                   // of unpacking them, which overlaps with it
  std::map<TensorType, double> types;  // of streams of single types, beside both
  double fixed = 1;
  double log_sd = 0;  // of the share of ceiling, as far as the runs tell; 0: nothing was measured
};

// What is known of the machine. Unknown rates are 0.
struct MachineRates {
  BytesPerSecond read;               // all threads together, median of the probe
  double int8_operations_per_s = 0;  // multiplications and additions, all threads
  unsigned threads = 1;
  Calibration calibration = {};
  double compute = 1;  // factor of all arithmetic: for asking what is worth improving
};

struct DecodePrediction {
  std::uint64_t bytes_per_token = 0;  // weights and KV at the mean depth (model/cost)
  double operations_per_token = 0;
  double ceiling_tokens_per_s = 0;  // read rate / bytes per token: no prediction, a bound
  double fixed_s = 0, stream_s = 0, kv_s = 0;  // what a token's time is made of
  double total_s() const { return fixed_s + stream_s + kv_s; }
  Prediction share;         // of the ceiling at the time of the run
  Prediction tokens_per_s;  // wider: the machine's read rate moves too
};

// One stream at positions [depth, depth + count). Throws Error(usage) unless the read rate is
// known.
DecodePrediction predict_decode(const Program& program, std::uint32_t depth, std::uint32_t count,
                                const MachineRates& rates, KvType kv = KvType::f16);

// How far the fixed costs of one model differ from what others tell of them, as a logarithm's
// standard deviation.
inline constexpr double kFixedFromModelToModel = 0.25;

// A decode speed that was measured here, as a share of the ceiling at the time.
struct MeasuredShare {
  Program program;
  std::uint32_t depth = 0, count = 1;
  double share = 0;
  BytesPerSecond read = {};  // of the memory at that time; 0: the machine's
  double log_sd = 0;         // of the share as it was measured
};

// What the measured shares say of this machine, drawn to the first values where they are few.
// Throws Error(usage) for a share that is not above 0.
Calibration calibrate(const std::vector<MeasuredShare>& measured, const MachineRates& rates);

// A rough time for a prompt of `tokens`, for estimates of how long a run takes.
Seconds estimate_prefill(const Program& program, std::uint32_t tokens, const MachineRates& rates);

}  // namespace ceiling::fit
