#include "fit/decode_prediction.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "model/cost.h"

namespace ceiling::fit {
namespace {

// How a matrix-vector product streams a tensor type, as a share of a plain read of the same bytes,
// and how many bytes a second one core unpacks when they are already near.
struct TypeRate {
  double share_of_read = 0;
  double log_sd = 0;
  double core_bytes_per_s = 0;
};

// First values, for CPU kernels with AVX2 or AVX-512. Source: measurements on two Zen 4 cores with
// rows straight from the file (Q4_K: 0.74-1.01 of a plain read at 4096 columns, 0.44-0.87 at 14336;
// 22-34 GB/s a core in cache). Types that were not measured get the same share, a wider interval
// and, where only portable code runs them, its rate of unpacking.
TypeRate rate_of(TensorType type) {
  switch (type) {
    case TensorType::F32:
    case TensorType::F16:
    case TensorType::BF16:
      return {0.88, 0.12, 25e9};
    case TensorType::Q8_0:
      return {0.86, 0.14, 30e9};
    case TensorType::Q4_K:
    case TensorType::Q4_0:
    case TensorType::Q4_1:
      return {0.80, 0.16, 22e9};
    case TensorType::Q6_K:
    case TensorType::Q5_K:
      return {0.76, 0.20, 18e9};
    default:
      return {0.60, 0.45, 5e9};
  }
}

// Barriers, norms, rope, softmax and sampling: what a token costs whatever the size of its
// matrices. Source: five phases a layer at 2-10 us each for two threads that spin.
constexpr double kSecondsPerLayer = 40e-6;
constexpr double kSecondsPerToken = 100e-6;
constexpr double kFixedLogSd = 0.6;

// How far a machine's read rate at the time of a run strays from the probe before it: neighbouring
// 8 s windows on a shared machine differed by 14 % (standard deviation).
constexpr double kReadRateLogSd = 0.14;

// Prompts reach this share of the int8 peak; the fall-back rate is for machines without a probe.
constexpr double kPrefillShareOfPeak = 0.25;
constexpr double kPrefillOperationsPerCore = 60e9;

struct StreamTime {
  double seconds = 0;
  double variance = 0;  // of seconds
};

// All weights that a decode step reads, type by type.
StreamTime stream_time(const Program& program, std::uint64_t read_bytes,
                       const MachineRates& rates) {
  std::map<TensorType, double> bytes_by_type;
  double all = 0;
  for (const Weight& weight : program.weights) {
    bytes_by_type[weight.type] += static_cast<double>(weight.bytes());
    all += static_cast<double>(weight.bytes());
  }
  StreamTime time;
  for (const auto& [type, bytes] : bytes_by_type) {
    const TypeRate rate = rate_of(type);
    const double speed =
        std::min(rates.read.value * rate.share_of_read, rate.core_bytes_per_s * rates.threads);
    // Look-up tables (untied embeddings) are weights that a step does not read: scale to what it
    // does.
    const double seconds = bytes / all * static_cast<double>(read_bytes) / speed;
    time.seconds += seconds;
    // Kernels of one machine err together, so errors add rather than average out.
    time.variance += seconds * rate.log_sd;
  }
  time.variance *= time.variance;
  return time;
}

}  // namespace

DecodePrediction predict_decode(const Program& program, std::uint32_t depth, std::uint32_t count,
                                const MachineRates& rates) {
  if (!(rates.read.value > 0)) {
    fail(ExitCode::usage, "the read rate is {} GB/s; expected a measured rate above 0",
         rates.read.gb_per_s());
  }
  const Cost cost = mean_decode_cost(program, depth, count);
  DecodePrediction result;
  result.bytes_per_token = cost.read_bytes();
  result.operations_per_token = cost.operations;
  const double floor_s = static_cast<double>(cost.read_bytes()) / rates.read.value;
  result.ceiling_tokens_per_s = 1 / floor_s;

  const StreamTime stream = stream_time(program, cost.read_bytes(), rates);
  const double fixed_s = kSecondsPerToken + kSecondsPerLayer * program.layers;
  const double seconds = stream.seconds + fixed_s;
  const double fixed_sd = fixed_s * kFixedLogSd;
  const double log_sd = std::sqrt(stream.variance + fixed_sd * fixed_sd) / seconds;
  result.share = log_normal(floor_s / seconds, log_sd);
  for (Interval* interval : {&result.share.p80, &result.share.p95}) {
    interval->high = std::min(interval->high, 1.0);  // no reader beats the reading itself
  }
  result.tokens_per_s =
      log_normal(1 / seconds, std::hypot(log_sd, kReadRateLogSd * stream.seconds / seconds));
  return result;
}

Seconds estimate_prefill(const Program& program, std::uint32_t tokens, const MachineRates& rates) {
  const double operations = cost(program, shape_batch(0, tokens)).operations;
  const double rate = rates.int8_operations_per_s > 0
                          ? rates.int8_operations_per_s * kPrefillShareOfPeak
                          : kPrefillOperationsPerCore * rates.threads;
  return {operations / rate};
}

}  // namespace ceiling::fit
