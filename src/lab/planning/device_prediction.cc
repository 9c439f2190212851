#include "lab/planning/device_prediction.h"

#include <algorithm>
#include <cmath>

#include "model/cost.h"

namespace ceiling::lab {
namespace {

// Five kernels a layer; a border of them took 4.2 to 5.7 us.
constexpr double kSecondsPerLayer = 25e-6;
constexpr double kSecondsPerToken = 60e-6;
constexpr double kFixedLogSd = 0.35;
constexpr double kShareOfRead = 0.95;  // 8B F16: 0.91 with the borders in it
constexpr double kStreamLogSd = 0.06;
constexpr double kReadRateLogSd = 0.02;  // a device's own memory hardly moves

}  // namespace

fit::DecodePrediction predict_device_decode(const Program& program, std::uint32_t depth,
                                            std::uint32_t count, const PlanDevice& device) {
  const Cost cost = mean_decode_cost(program, depth, count);
  const double floor_s = static_cast<double>(cost.read_bytes()) / (device.read_gb_per_s * 1e9);
  const double stream_s = floor_s / kShareOfRead;
  const double fixed_s = kSecondsPerToken + kSecondsPerLayer * program.layers;
  const double seconds = stream_s + fixed_s;
  const double log_sd = std::hypot(stream_s * kStreamLogSd, fixed_s * kFixedLogSd) / seconds;
  fit::DecodePrediction result;
  result.bytes_per_token = cost.read_bytes();
  result.operations_per_token = cost.operations;
  result.ceiling_tokens_per_s = 1 / floor_s;
  result.share = fit::log_normal(floor_s / seconds, log_sd);
  for (fit::Interval* interval : {&result.share.p80, &result.share.p95}) {
    interval->high = std::min(interval->high, 1.0);  // no reader beats the reading itself
  }
  result.tokens_per_s = fit::log_normal(1 / seconds, std::hypot(log_sd, kReadRateLogSd));
  return result;
}

}  // namespace ceiling::lab
