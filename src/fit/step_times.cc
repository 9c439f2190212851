#include "fit/step_times.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace ceiling::fit {
namespace {

// How fast one core unpacks a type from its cache.
struct TypeRate {
  double core_bytes_per_s = 0;
  double log_sd = 0;  // of a stream's time
};

// First values, for CPU kernels with AVX2 or AVX-512. Source: products whose weights lie in the
// cache (docs/results/decode.md: Q4_K 20.6 GB/s on Emerald Rapids, 46 on Zen 5; 22 to 34 on Zen 4).
// Types that were not measured get a wider interval.
TypeRate rate_of(TensorType type) {
  switch (type) {
    case TensorType::F32:
    case TensorType::F16:
    case TensorType::BF16:
      return {40e9, 0.12};
    case TensorType::Q8_0:
      return {30e9, 0.14};
    case TensorType::Q4_K:
    case TensorType::Q4_0:
    case TensorType::Q4_1:
      return {22e9, 0.16};
    case TensorType::Q6_K:
      return {22e9, 0.20};
    case TensorType::Q5_K:
      return {18e9, 0.20};
    default:
      return {5e9, 0.45};
  }
}

// Of a plain read, where unpacking takes no time: F16 reaches 0.94 (docs/results/decode.md).
constexpr double kShareOfRead = 0.95;

// Barriers, rope, softmax and sampling: what a token costs whatever the size of its matrices.
// Source: five phases a layer at 2-10 us each for two threads that spin.
constexpr double kSecondsPerLayer = 40e-6;
constexpr double kSecondsPerToken = 100e-6;
// Each row of a matrix ends in a sum and starts the next stream, each column is prepared: that goes
// with the activations, not with the weights, so large matrices are faster than small ones. Chosen
// on the labs of two processors (docs/planner.md).
constexpr double kCoreActivationBytesPerS = 2.5e9;

// The KV cache as attention reads it. Source: 1B and 7B on two Zen 4 cores at positions 128 and
// 2048: from 4.8 to 5.6 billion elements a second and core, in F16 and in Q8_0, with one query for
// a key or four; Zen 5 at 4096 gives 5.1. So Q8_0 is faster only where reading is what takes time.
constexpr double kKvShareOfRead = 0.85;
constexpr double kCoreKvElementsPerS = 5e9;

std::vector<TypeTime> stream_times(const Program& program, std::uint64_t weight_bytes,
                                   const MachineRates& rates) {
  std::map<TensorType, double> bytes_by_type;
  double all = 0;
  for (const Weight& weight : program.weights) {
    bytes_by_type[weight.type] += static_cast<double>(weight.bytes());
    all += static_cast<double>(weight.bytes());
  }
  // Look-up tables (untied embeddings) are weights that a step does not read: scale to what it
  // does.
  const double scale = static_cast<double>(weight_bytes) / all;
  std::vector<TypeTime> times;
  for (const auto& [type, bytes] : bytes_by_type) {
    const TypeRate rate = rate_of(type);
    times.push_back(
        {.type = type,
         .read_s = scale * bytes / (rates.read.value * kShareOfRead),
         .unpack_s = scale * bytes / (rate.core_bytes_per_s * rates.compute * rates.threads),
         .log_sd = rate.log_sd});
  }
  return times;
}

double kv_time(const Cost& mean, std::uint64_t half_bytes, const MachineRates& rates) {
  const double elements = static_cast<double>(half_bytes) / 2;  // two bytes each in F16
  return overlapped_s(static_cast<double>(mean.kv_read_bytes) / (rates.read.value * kKvShareOfRead),
                      elements / (kCoreKvElementsPerS * rates.compute * rates.threads));
}

}  // namespace

double overlapped_s(double read_s, double unpack_s) {
  // Two equal times take a fifth longer than either. Source: Q4_K and Q4_0 products on three
  // processors while memory was slow and fast, beside what they reach in the cache
  // (docs/results/decode.md, docs/planner.md).
  constexpr double kSharpness = 4;
  const double most = std::max(read_s, unpack_s);
  if (most <= 0) return 0;
  return most *
         std::pow(std::pow(read_s / most, kSharpness) + std::pow(unpack_s / most, kSharpness),
                  1 / kSharpness);
}

double learned_s(const TypeTime& part, const Calibration& learned) {
  const auto found = learned.types.find(part.type);
  const double type = found == learned.types.end() ? 1 : found->second;
  return type * overlapped_s(part.read_s * learned.stream, part.unpack_s * learned.unpack);
}

StepTimes step_times(const Program& program, std::uint32_t depth, std::uint32_t count, KvType kv,
                     const MachineRates& rates) {
  StepTimes out;
  out.cost = mean_decode_cost(program, depth, count, kv);
  out.floor_s = static_cast<double>(out.cost.read_bytes()) / rates.read.value;
  out.fixed_s = kSecondsPerToken + kSecondsPerLayer * program.layers +
                static_cast<double>(out.cost.activation_bytes) /
                    (kCoreActivationBytesPerS * rates.compute * rates.threads);
  const Cost half = mean_decode_cost(program, depth, count, KvType::f16);
  out.kv_s = kv_time(out.cost, half.kv_read_bytes, rates);
  out.stream = stream_times(program, out.cost.weight_bytes, rates);
  return out;
}

}  // namespace ceiling::fit
