#include "model/spill.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace ceiling {
namespace {

// Rows that a host multiplies in the time in which it reads the weights once.
constexpr double kHostRows = 8;
constexpr double kWorthCuts = 0.95;  // less is not worth a shared step

std::uint64_t spilled_layers(const Program& program, const Placement& placement) {
  std::uint64_t bytes = 0;
  for (const Segment& segment : placement.segments) {
    const bool layers = program.steps[segment.begin].layer >= 0;
    if (segment.residency == Residency::spilled && layers) bytes += segment.weight_bytes;
  }
  return bytes;
}

double cuts_of(const Placement& placement) {
  double cuts = 0;
  for (std::size_t i = 1; i < placement.segments.size(); ++i) {
    if (placement.segments[i].unit != placement.segments[i - 1].unit) ++cuts;
  }
  return cuts;
}

struct Times {
  double cpu = 0, stream = 0, both = 0;  // of one step of one row, of what is spilled
};

}  // namespace

SpillChoice choose_spill(const Program& program, const std::vector<UnitBudget>& units,
                         const PlaceFor& what, std::uint32_t rows) {
  SpillChoice out;
  const auto on_host =
      static_cast<double>(spilled_layers(program, place_phases(program, units, what, {}).decode));
  if (on_host == 0) return out;
  const double host = units.back().read_bytes_per_s * kHostShare;
  const double link = units.front().link_bytes_per_s;
  if (!can_stream(program, units, what)) {
    out.reason =
        fmt::format("{} has no room to stream: the CPU runs what does not fit", units.front().unit);
    return out;
  }
  if (!(host > 0) || !(link > 0)) {
    out.reason = "no rates are known: the CPU runs what does not fit";
    return out;
  }
  const Placement shared =
      place_phases(program, units, what, {SpillWay::both, SpillWay::both}).decode;
  const auto streamed = static_cast<double>(spilled_layers(program, shared));
  const Times times{
      .cpu = on_host / host,
      .stream = streamed / link,
      .both = streamed / (host * kBesideTheLink + link) + kCutSeconds * cuts_of(shared)};
  if (times.both < kWorthCuts * std::min(times.cpu, times.stream)) {
    out.ways.decode = SpillWay::both;
  } else if (times.stream < times.cpu) {
    out.ways.decode = SpillWay::stream;
  }
  // As many rows as the host multiplies while the link brings the layers once.
  const double even = std::ceil(times.stream / times.cpu * kHostRows);
  if (static_cast<double>(rows) > even) {
    out.ways.prefill = SpillWay::stream;
    out.prompt_rows = static_cast<std::uint32_t>(even) + 1;
  } else {
    out.ways.prefill = out.ways.decode;
  }
  out.reason = fmt::format(
      "answers by {} ({:.1f} ms a token by the CPU, {:.1f} over the link, {:.1f} by both), prompts "
      "by {}",
      name(out.ways.decode), 1e3 * times.cpu, 1e3 * times.stream, 1e3 * times.both,
      name(out.ways.prefill));
  if (out.ways.prefill != out.ways.decode) {
    out.reason += fmt::format(" from {} rows on", out.prompt_rows);
  }
  return out;
}

}  // namespace ceiling
