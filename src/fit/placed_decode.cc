#include "fit/placed_decode.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "fit/decode_prediction.h"
#include "model/spill.h"

namespace ceiling::fit {
namespace {

// Between the kernels of a layer on a device, whatever its size. Source: an H100, decode by graphs:
// 1B to 8B of Q4_K_M, F16 and BF16 take 20-28 us a layer beyond their bytes at the probe's rate.
constexpr double kDeviceLayerSeconds = 25e-6;
// From so many threads on memory binds a host's products, whatever their type.
constexpr unsigned kManyThreads = 8;
constexpr double kAheadPieces = 2;  // layers that may cross before they are needed

double checked(BytesPerSecond rate, std::string_view of) {
  if (rate.value > 0) return rate.value;
  fail(ExitCode::usage, "the rate of the {} is {} GB/s; expected a measured rate above 0", of,
       rate.gb_per_s());
}

double host_share(const Program& program, std::uint32_t depth, std::uint32_t count, KvType kv,
                  const UnitRates& rates) {
  const MachineRates machine{.read = rates.host, .threads = rates.threads};
  const double share = predict_decode(program, depth, count, machine, kv).share.median;
  return rates.threads >= kManyThreads ? std::max(share, kHostShare) : share;
}

struct Reads {
  double weights = 0, kv = 0;  // bytes
  double layers = 0;
};

// Of steps [begin, end), at the mean depth.
Reads reads_of(const Program& program, const Segment& segment, std::uint32_t depth, KvType kv) {
  const std::vector<Cost> costs = cost_by_step(program, shape_batch(depth, 1), kv);
  Reads out;
  std::set<std::int32_t> layers;
  for (std::size_t i = segment.begin; i < segment.end; ++i) {
    out.weights += static_cast<double>(costs[i].weight_bytes);
    out.kv += static_cast<double>(costs[i].kv_read_bytes);
    if (program.steps[i].layer >= 0) layers.insert(program.steps[i].layer);
  }
  out.layers = static_cast<double>(layers.size());
  return out;
}

}  // namespace

PlacedPrediction predict_placed(const Program& program, const Placement& placement,
                                std::string_view host, std::uint32_t depth, std::uint32_t count,
                                KvType kv, const UnitRates& rates) {
  const std::uint32_t middle = depth + count / 2;
  const auto crosses = [&](const Segment& segment) {
    return segment.residency == Residency::spilled && segment.unit != host;
  };
  const bool streams = std::ranges::any_of(placement.segments, crosses);
  PlacedPrediction out;
  double on_host = 0;
  double on_device = 0;
  double on_link = 0;
  double streamed_layers = 0;
  double streamed_runs = 0;
  for (const Segment& segment : placement.segments) {
    const Reads reads = reads_of(program, segment, middle, kv);
    const double bytes = reads.weights + reads.kv;
    double seconds = 0;
    if (crosses(segment)) {
      seconds = reads.weights / checked(rates.link, "link");
      on_link += seconds;
      streamed_layers += reads.layers;
      ++streamed_runs;
      on_device += reads.layers * kDeviceLayerSeconds + bytes / checked(rates.device, "device");
    } else if (segment.unit == host) {
      const double share = host_share(program, depth, count, kv, rates);
      seconds = bytes / (rates.host.value * share * (streams ? kBesideTheLink : 1));
      on_host += seconds;
    } else {
      seconds = bytes / checked(rates.device, "device") + reads.layers * kDeviceLayerSeconds;
      on_device += seconds;
    }
    out.segments.push_back({.unit = segment.unit,
                            .holds = segment.holds,
                            .residency = segment.residency,
                            .bytes = static_cast<std::uint64_t>(bytes),
                            .time = {seconds}});
  }
  for (std::size_t i = 1; i < placement.segments.size(); ++i) {
    if (placement.segments[i].unit != placement.segments[i - 1].unit) {
      out.cuts.value += kCutSeconds;
    }
  }
  // In turns with the host the link never waits; else it runs ahead, before each run of layers that
  // cross, by as much as the window holds.
  const double ahead = streamed_layers > 0
                           ? on_link * std::min(1.0, kAheadPieces * streamed_runs / streamed_layers)
                           : 0;
  const double waited = on_host > 0.1 * on_link
                            ? std::max(on_link, on_host + on_device)
                            : on_link + on_host + on_device - std::min(ahead, on_device);
  out.step.value = waited + out.cuts.value;
  return out;
}

}  // namespace ceiling::fit
