// What measured shares of the ceiling say of a machine: factors of the first values' times, by
// Gauss-Newton on the logarithms, drawn to 1 where the shares say little.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fit/decode_prediction.h"
#include "fit/step_times.h"

namespace ceiling::fit {
namespace {

// How far the factors may be from 1 before anything is measured, and a share from the model. Chosen
// by leaving cells out of labs on two processors (docs/planner.md).
constexpr double kStreamLogSd = 0.10;
constexpr double kUnpackLogSd = 0.4;
constexpr double kFixedLogSd = 0.5;
constexpr double kTypeLogSd = 0.06;  // a type beside the others: first values tell them apart
constexpr double kModelLogSd = 0.03;

// Logarithms of the factors: of reading, of unpacking, of fixed costs, then of each type.
using Factors = std::vector<double>;
constexpr std::size_t kStream = 0, kUnpack = 1, kFixed = 2, kFirstType = 3;

// One measured share as the times that make it up.
struct Measured {
  StepTimes times;
  double share = 0, log_sd = 0;
};

// The time that factors give, and how it changes with each.
struct Estimate {
  double seconds = 0, fixed_share = 0;
  std::vector<double> slope;  // of the logarithm
};

Estimate estimate(const Measured& one, const Factors& factors,
                  const std::vector<TensorType>& types) {
  Estimate out{.seconds = one.times.kv_s, .slope = std::vector<double>(factors.size())};
  for (const TypeTime& part : one.times.stream) {
    const auto at = static_cast<std::size_t>(std::ranges::find(types, part.type) - types.begin());
    const double read = part.read_s * std::exp(factors[kStream]);
    const double unpack = part.unpack_s * std::exp(factors[kUnpack]);
    const double seconds = overlapped_s(read, unpack) * std::exp(factors[kFirstType + at]);
    constexpr double kStep = 1e-4;
    const double of_read =
        std::log(overlapped_s(read * std::exp(kStep), unpack) / overlapped_s(read, unpack)) / kStep;
    out.seconds += seconds;
    out.slope[kStream] += seconds * of_read;
    out.slope[kUnpack] += seconds * (1 - of_read);
    out.slope[kFirstType + at] += seconds;
  }
  out.slope[kFixed] = one.times.fixed_s * std::exp(factors[kFixed]);
  out.seconds += out.slope[kFixed];
  for (double& slope : out.slope) slope /= out.seconds;
  out.fixed_share = out.slope[kFixed];
  return out;
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

// How much longer than estimated, as a logarithm.
double residual(const Measured& one, const Estimate& estimated) {
  return std::log(one.times.floor_s / one.share / estimated.seconds);
}

// One step, with normal priors around 0.
void improve(const std::vector<Measured>& measured, const std::vector<TensorType>& types,
             const Factors& prior_sd, Factors& factors) {
  const std::size_t n = factors.size();
  std::vector<std::vector<double>> normal(n, std::vector<double>(n));
  std::vector<double> step(n);
  for (std::size_t i = 0; i < n; ++i) {
    normal[i][i] = 1 / (prior_sd[i] * prior_sd[i]);
    step[i] = -factors[i] * normal[i][i];
  }
  for (const Measured& one : measured) {
    const Estimate now = estimate(one, factors, types);
    // Fixed costs differ from model to model by more than one factor says.
    const double sd = std::hypot(kModelLogSd, now.fixed_share * kFixedFromModelToModel, one.log_sd);
    const double w = 1 / (sd * sd);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) normal[i][j] += w * now.slope[i] * now.slope[j];
      step[i] += w * now.slope[i] * residual(one, now);
    }
  }
  solve(normal, step);
  for (std::size_t i = 0; i < n; ++i) factors[i] += step[i];
}

std::vector<Measured> times_of(const std::vector<MeasuredShare>& measured,
                               const MachineRates& rates) {
  std::vector<Measured> out;
  for (const MeasuredShare& one : measured) {
    if (!(one.share > 0)) {
      fail(ExitCode::usage, "a measured share of the ceiling is {}; expected above 0", one.share);
    }
    MachineRates then = rates;
    if (one.read.value > 0) then.read = one.read;
    out.push_back(
        {step_times(one.program, one.depth, one.count, KvType::f16, then), one.share, one.log_sd});
  }
  return out;
}

}  // namespace

Calibration calibrate(const std::vector<MeasuredShare>& shares, const MachineRates& rates) {
  const std::vector<Measured> measured = times_of(shares, rates);
  if (measured.empty()) return {};
  std::vector<TensorType> types;
  for (const Measured& one : measured) {
    for (const TypeTime& part : one.times.stream) {
      if (std::ranges::find(types, part.type) == types.end()) types.push_back(part.type);
    }
  }
  Factors factors(kFirstType + types.size());
  Factors prior_sd(factors.size(), kTypeLogSd);
  prior_sd[kStream] = kStreamLogSd;
  prior_sd[kUnpack] = kUnpackLogSd;
  prior_sd[kFixed] = kFixedLogSd;
  constexpr int kRounds = 30;
  for (int round = 0; round < kRounds; ++round) improve(measured, types, prior_sd, factors);
  double squares = 0;
  for (const Measured& one : measured) {
    const Estimate now = estimate(one, factors, types);
    // What fixed costs explain is doubted apart.
    const double allowed = std::hypot(1.0, now.fixed_share * kFixedFromModelToModel / kModelLogSd);
    squares += std::pow(residual(one, now) / allowed, 2);
  }
  Calibration out{.stream = std::exp(factors[kStream]),
                  .unpack = std::exp(factors[kUnpack]),
                  .types = {},
                  .fixed = std::exp(factors[kFixed])};
  for (std::size_t i = 0; i < types.size(); ++i) {
    out.types[types[i]] = std::exp(factors[kFirstType + i]);
  }
  const auto n = static_cast<double>(measured.size());
  out.log_sd = std::hypot(kModelLogSd, std::sqrt(squares / n));
  return out;
}

}  // namespace ceiling::fit
