#include "fit/decode_prediction.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fit/step_times.h"

namespace ceiling::fit {
namespace {

// Of fixed costs before anything was measured.
constexpr double kFixedLogSd = 0.6;

// How far a machine's read rate at the time of a run strays from the probe before it: neighbouring
// 8 s windows on a shared machine differed by 14 % (standard deviation).
constexpr double kReadRateLogSd = 0.14;

// Prompts reach this share of the int8 peak; the fall-back rate is for machines without a probe.
constexpr double kPrefillShareOfPeak = 0.25;
constexpr double kPrefillOperationsPerCore = 60e9;

}  // namespace

DecodePrediction predict_decode(const Program& program, std::uint32_t depth, std::uint32_t count,
                                const MachineRates& rates, KvType kv) {
  if (!(rates.read.value > 0)) {
    fail(ExitCode::usage, "the read rate is {} GB/s; expected a measured rate above 0",
         rates.read.gb_per_s());
  }
  const Calibration& learned = rates.calibration;
  const StepTimes times = step_times(program, depth, count, kv, rates);
  DecodePrediction result;
  result.bytes_per_token = times.cost.read_bytes();
  result.operations_per_token = times.cost.operations;
  result.ceiling_tokens_per_s = 1 / times.floor_s;
  result.kv_s = times.kv_s;
  result.fixed_s = times.fixed_s * learned.fixed;
  double stream_sd = 0;  // kernels of one machine err together: errors add
  for (const TypeTime& part : times.stream) {
    const double seconds = learned_s(part, learned);
    result.stream_s += seconds;
    stream_sd += seconds * part.log_sd;
  }
  const double seconds = result.total_s();
  double log_sd = std::hypot(stream_sd, result.fixed_s * kFixedLogSd) / seconds;
  // A type that no run has shown keeps its own doubt.
  const bool shown = std::ranges::all_of(
      program.weights, [&](const Weight& weight) { return learned.types.contains(weight.type); });
  if (learned.log_sd > 0 && shown) {
    const double fixed = result.fixed_s / seconds * kFixedFromModelToModel;
    log_sd = std::min(log_sd, std::hypot(learned.log_sd, fixed));
  }
  result.share = log_normal(times.floor_s / seconds, log_sd);
  for (Interval* interval : {&result.share.p80, &result.share.p95}) {
    interval->high = std::min(interval->high, 1.0);  // no reader beats the reading itself
  }
  const double moved = kReadRateLogSd * (seconds - result.fixed_s) / seconds;
  result.tokens_per_s = log_normal(1 / seconds, std::hypot(log_sd, moved));
  return result;
}

Seconds estimate_prefill(const Program& program, std::uint32_t tokens, const MachineRates& rates) {
  const double operations = cost(program, shape_batch(0, tokens)).operations;
  const double rate = rates.int8_operations_per_s > 0
                          ? rates.int8_operations_per_s * kPrefillShareOfPeak
                          : kPrefillOperationsPerCore * rates.threads;
  return {operations / (rate * rates.compute)};
}

}  // namespace ceiling::fit
