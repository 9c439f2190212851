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

double fixed_time(const Program& program) {
  return kSecondsPerToken + kSecondsPerLayer * program.layers;
}

// One measured share as the two times that make it up, and the time that the ceiling allows.
struct Times {
  double floor_s = 0, stream_s = 0, fixed_s = 0, share = 0;
};

}  // namespace

Calibration calibrate(const std::vector<MeasuredShare>& measured, const MachineRates& rates) {
  // How far the factors may be from 1, before anything is measured, and a share from the model.
  constexpr double kStreamLogSd = 0.15;
  constexpr double kModelLogSd = 0.03;
  std::vector<Times> times;
  for (const MeasuredShare& one : measured) {
    if (!(one.share > 0)) {
      fail(ExitCode::usage, "a measured share of the ceiling is {}; expected above 0", one.share);
    }
    const Cost cost = mean_decode_cost(one.program, one.depth, one.count);
    times.push_back({static_cast<double>(cost.read_bytes()) / rates.read.value,
                     stream_time(one.program, cost.read_bytes(), rates).seconds,
                     fixed_time(one.program), one.share});
  }
  if (times.empty()) return {};
  // Gauss-Newton on the logarithms of the two factors, with normal priors around 0.
  const double w = 1 / (kModelLogSd * kModelLogSd);
  double a = 0;
  double b = 0;
  for (int round = 0; round < 30; ++round) {
    double aa = 1 / (kStreamLogSd * kStreamLogSd);
    double bb = 1 / (kFixedLogSd * kFixedLogSd);
    double ab = 0;
    double ga = -a * aa;
    double gb = -b * bb;
    for (const Times& t : times) {
      const double stream = t.stream_s * std::exp(a);
      const double fixed = t.fixed_s * std::exp(b);
      const double residual = std::log(t.share) - std::log(t.floor_s / (stream + fixed));
      const double da = -stream / (stream + fixed);
      const double db = -fixed / (stream + fixed);
      aa += w * da * da;
      bb += w * db * db;
      ab += w * da * db;
      ga += w * da * residual;
      gb += w * db * residual;
    }
    const double determinant = aa * bb - ab * ab;
    a += (bb * ga - ab * gb) / determinant;
    b += (aa * gb - ab * ga) / determinant;
  }
  double squares = 0;
  for (const Times& t : times) {
    const double predicted = t.floor_s / (t.stream_s * std::exp(a) + t.fixed_s * std::exp(b));
    squares += std::pow(std::log(t.share / predicted), 2);
  }
  const auto n = static_cast<double>(times.size());
  return {std::exp(a), std::exp(b), std::hypot(kModelLogSd, std::sqrt(squares / n))};
}

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

  const Calibration& learned = rates.calibration;
  StreamTime stream = stream_time(program, cost.read_bytes(), rates);
  stream.seconds *= learned.stream;
  stream.variance *= learned.stream * learned.stream;
  const double fixed_s = fixed_time(program) * learned.fixed;
  const double seconds = stream.seconds + fixed_s;
  const double fixed_sd = fixed_s * kFixedLogSd;
  double log_sd = std::sqrt(stream.variance + fixed_sd * fixed_sd) / seconds;
  if (learned.log_sd > 0) log_sd = std::min(log_sd, learned.log_sd);
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
