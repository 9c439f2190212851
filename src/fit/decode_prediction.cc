#include "fit/decode_prediction.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "model/cost.h"
#include "quant/tensor_type.h"

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

// One type's part of a step's stream.
struct TypeTime {
  TensorType type = TensorType::F32;
  double seconds = 0;
  double log_sd = 0;
};

// All weights that a decode step reads, type by type, by the first values.
std::vector<TypeTime> stream_times(const Program& program, std::uint64_t read_bytes,
                                   const MachineRates& rates) {
  std::map<TensorType, double> bytes_by_type;
  double all = 0;
  for (const Weight& weight : program.weights) {
    bytes_by_type[weight.type] += static_cast<double>(weight.bytes());
    all += static_cast<double>(weight.bytes());
  }
  std::vector<TypeTime> times;
  for (const auto& [type, bytes] : bytes_by_type) {
    const TypeRate rate = rate_of(type);
    const double speed = std::min(rates.read.value * rate.share_of_read,
                                  rate.core_bytes_per_s * rates.compute * rates.threads);
    // Look-up tables (untied embeddings) are weights that a step does not read: scale to what it
    // does.
    times.push_back({type, bytes / all * static_cast<double>(read_bytes) / speed, rate.log_sd});
  }
  return times;
}

struct StreamTime {
  double seconds = 0;
  double sd = 0;  // of seconds; kernels of one machine err together: errors add
};

StreamTime stream_time(const Program& program, std::uint64_t read_bytes,
                       const MachineRates& rates) {
  const Calibration& learned = rates.calibration;
  StreamTime time;
  for (const TypeTime& part : stream_times(program, read_bytes, rates)) {
    const auto found = learned.types.find(part.type);
    const double factor = learned.stream * (found == learned.types.end() ? 1 : found->second);
    time.seconds += part.seconds * factor;
    time.sd += part.seconds * factor * part.log_sd;
  }
  return time;
}

double fixed_time(const Program& program) {
  return kSecondsPerToken + kSecondsPerLayer * program.layers;
}

// One measured share as the times that make it up, and the time that the ceiling allows.
struct Times {
  double floor_s = 0, fixed_s = 0, share = 0;
  std::vector<TypeTime> stream;
};

// Logarithms of the factors: of all streams, of fixed costs, then of each type.
using Factors = std::vector<double>;
constexpr std::size_t kStream = 0, kFixed = 1, kFirstType = 2;

double stream_s(const Times& t, const Factors& factors, const std::vector<TensorType>& types,
                std::vector<double>* by_type) {
  double seconds = 0;
  for (const TypeTime& part : t.stream) {
    const auto at = static_cast<std::size_t>(std::ranges::find(types, part.type) - types.begin());
    const double one = part.seconds * std::exp(factors[kStream] + factors[kFirstType + at]);
    if (by_type != nullptr) (*by_type)[at] = one;
    seconds += one;
  }
  return seconds;
}

// Gaussian elimination of a positive definite system; the solution replaces `right`.
void solve(std::vector<std::vector<double>>& matrix, std::vector<double>& right) {
  const std::size_t n = right.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = i + 1; k < n; ++k) {
      const double factor = matrix[k][i] / matrix[i][i];
      for (std::size_t j = i; j < n; ++j) matrix[k][j] -= factor * matrix[i][j];
      right[k] -= factor * right[i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) right[i] -= matrix[i][j] * right[j];
    right[i] /= matrix[i][i];
  }
}

// One step of Gauss-Newton, with normal priors around 0.
void improve(const std::vector<Times>& times, const std::vector<TensorType>& types,
             const Factors& prior_sd, double model_sd, Factors& factors) {
  const std::size_t n = factors.size();
  std::vector<std::vector<double>> normal(n, std::vector<double>(n));
  std::vector<double> step(n);
  for (std::size_t i = 0; i < n; ++i) {
    normal[i][i] = 1 / (prior_sd[i] * prior_sd[i]);
    step[i] = -factors[i] * normal[i][i];
  }
  const double w = 1 / (model_sd * model_sd);
  for (const Times& t : times) {
    std::vector<double> by_type(types.size());
    const double stream = stream_s(t, factors, types, &by_type);
    const double fixed = t.fixed_s * std::exp(factors[kFixed]);
    const double residual = std::log(t.share) - std::log(t.floor_s / (stream + fixed));
    std::vector<double> slope = {-stream / (stream + fixed), -fixed / (stream + fixed)};
    for (const double one : by_type) slope.push_back(-one / (stream + fixed));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) normal[i][j] += w * slope[i] * slope[j];
      step[i] += w * slope[i] * residual;
    }
  }
  solve(normal, step);
  for (std::size_t i = 0; i < n; ++i) factors[i] += step[i];
}

}  // namespace

Calibration calibrate(const std::vector<MeasuredShare>& measured, const MachineRates& rates) {
  // How far the factors may be from 1 before anything is measured, and a share from the model.
  constexpr double kStreamLogSd = 0.15;
  constexpr double kTypeLogSd = 0.25;  // first values are of other processors' kernels
  constexpr double kModelLogSd = 0.03;
  std::vector<Times> times;
  std::vector<TensorType> types;
  for (const MeasuredShare& one : measured) {
    if (!(one.share > 0)) {
      fail(ExitCode::usage, "a measured share of the ceiling is {}; expected above 0", one.share);
    }
    const Cost cost = mean_decode_cost(one.program, one.depth, one.count);
    times.push_back({static_cast<double>(cost.read_bytes()) / rates.read.value,
                     fixed_time(one.program), one.share,
                     stream_times(one.program, cost.read_bytes(), rates)});
    for (const TypeTime& part : times.back().stream) {
      if (std::ranges::find(types, part.type) == types.end()) types.push_back(part.type);
    }
  }
  if (times.empty()) return {};
  Factors factors(kFirstType + types.size());
  Factors prior_sd(factors.size(), kTypeLogSd);
  prior_sd[kStream] = kStreamLogSd;
  prior_sd[kFixed] = kFixedLogSd;
  constexpr int kRounds = 30;
  for (int round = 0; round < kRounds; ++round) {
    improve(times, types, prior_sd, kModelLogSd, factors);
  }
  double squares = 0;
  for (const Times& t : times) {
    const double seconds =
        stream_s(t, factors, types, nullptr) + t.fixed_s * std::exp(factors[kFixed]);
    squares += std::pow(std::log(t.share * seconds / t.floor_s), 2);
  }
  Calibration out{
      .stream = std::exp(factors[kStream]), .types = {}, .fixed = std::exp(factors[kFixed])};
  for (std::size_t i = 0; i < types.size(); ++i) {
    out.types[types[i]] = std::exp(factors[kFirstType + i]);
  }
  const auto n = static_cast<double>(times.size());
  out.log_sd = std::hypot(kModelLogSd, std::sqrt(squares / n));
  return out;
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
  const StreamTime stream = stream_time(program, cost.read_bytes(), rates);
  const double fixed_s = fixed_time(program) * learned.fixed;
  const double seconds = stream.seconds + fixed_s;
  const double fixed_sd = fixed_s * kFixedLogSd;
  double log_sd = std::hypot(stream.sd, fixed_sd) / seconds;
  // A type that no run has shown keeps its own doubt.
  const bool shown = std::ranges::all_of(
      program.weights, [&](const Weight& weight) { return learned.types.contains(weight.type); });
  if (learned.log_sd > 0 && shown) log_sd = std::min(log_sd, learned.log_sd);
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
  return {operations / (rate * rates.compute)};
}

}  // namespace ceiling::fit
