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

// Tokens of an answer for each of its prompt, where one pays for the other: what streams keeps
// memory from layers.
constexpr double kAnswerShare = 0.25;

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

// Of one step of one row, of what is spilled.
struct Times {
  double cpu_alone = 0;  // nothing is kept from layers for streaming
  double cpu = 0, stream = 0, both = 0;
};

Times times_of(const Program& program, const std::vector<UnitBudget>& units, const PlaceFor& what) {
  const double host = units.back().read_bytes_per_s * kHostShare;
  const double link = units.front().link_bytes_per_s;
  const auto placed = [&](const Spill& spill) {
    return place_phases(program, units, what, spill).decode;
  };
  const auto bytes = [&](const Placement& placement) {
    return static_cast<double>(spilled_layers(program, placement));
  };
  const Placement by_cpu = placed({SpillWay::stream, SpillWay::cpu});
  const Placement shared = placed({SpillWay::stream, SpillWay::both});
  return {.cpu_alone = bytes(placed({})) / host,
          .cpu = bytes(by_cpu) / host + kCutSeconds * cuts_of(by_cpu),
          .stream = bytes(by_cpu) / link,
          .both = bytes(shared) / (host * kBesideTheLink + link) + kCutSeconds * cuts_of(shared)};
}

// Time of a prompt of so many rows by the host, which reads the weights once for a few.
double prompt_by_host(double once, std::uint32_t rows) {
  return once * std::max(1.0, rows / kHostRows);
}

// Sets the ways and says why.
void choose(const Times& times, std::uint32_t rows, SpillChoice& out) {
  double token = times.cpu;
  if (times.both < kWorthCuts * std::min(times.cpu, times.stream)) {
    out.ways.decode = SpillWay::both;
    token = times.both;
  } else if (times.stream < times.cpu) {
    out.ways.decode = SpillWay::stream;
    token = times.stream;
  }
  const double answer = rows * kAnswerShare;
  const double streaming = std::min(times.stream, prompt_by_host(times.cpu, rows)) + answer * token;
  if (prompt_by_host(times.cpu_alone, rows) + answer * times.cpu_alone <= streaming) {
    out.ways = {};
    out.reason = fmt::format(
        "by the CPU: a window would take more from answers than it gives prompts ({:.1f} ms a "
        "token without, {:.1f} with it)",
        1e3 * times.cpu_alone, 1e3 * token);
    return;
  }
  // As many rows as the host multiplies while the link brings the layers once.
  const double even = std::ceil(times.stream / times.cpu * kHostRows);
  out.ways.prefill = out.ways.decode;
  if (rows > even) {
    out.ways.prefill = SpillWay::stream;
    out.prompt_rows = static_cast<std::uint32_t>(even) + 1;
  }
  out.reason = fmt::format(
      "answers by {} ({:.1f} ms a token by the CPU, {:.1f} over the link, {:.1f} by both), prompts "
      "by {}",
      name(out.ways.decode), 1e3 * times.cpu, 1e3 * times.stream, 1e3 * times.both,
      name(out.ways.prefill));
  if (out.ways.prefill != out.ways.decode) {
    out.reason += fmt::format(" from {} rows on", out.prompt_rows);
  }
}

}  // namespace

SpillChoice choose_spill(const Program& program, const std::vector<UnitBudget>& units,
                         const PlaceFor& what, std::uint32_t rows) {
  SpillChoice out;
  if (spilled_layers(program, place_phases(program, units, what, {}).decode) == 0) return out;
  if (!can_stream(program, units, what)) {
    out.reason =
        fmt::format("{} has no room to stream: the CPU runs what does not fit", units.front().unit);
  } else if (!(units.back().read_bytes_per_s > 0) || !(units.front().link_bytes_per_s > 0)) {
    out.reason = "no rates are known: the CPU runs what does not fit";
  } else {
    choose(times_of(program, units, what), rows, out);
  }
  return out;
}

}  // namespace ceiling
