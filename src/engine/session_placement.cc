#include "engine/session_placement.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/devices.h"
#include "model/spill.h"

namespace ceiling {
namespace {

// Prompts of so few rows run as answers do, where no rates say more.
constexpr std::uint32_t kFewRows = 8;

SpillChoice asked(SpillMode mode) {
  SpillChoice out;
  out.ways.prefill = mode == SpillMode::cpu ? SpillWay::cpu : SpillWay::stream;
  out.ways.decode = mode == SpillMode::cpu    ? SpillWay::cpu
                    : mode == SpillMode::both ? SpillWay::both
                                              : SpillWay::stream;
  out.prompt_rows = kFewRows + 1;
  return out;
}

void check_streams(const UnitBudget& first, SpillMode mode) {
  if (first.window_pieces > 0 || mode == SpillMode::cpu || mode == SpillMode::automatic) return;
  fail(ExitCode::failed,
       "'{}' cannot run weights that cross its link at every step: use --spill cpu or auto",
       first.unit);
}

}  // namespace

bool SessionPlacement::differs() const {
  return !std::ranges::equal(
      phases.prefill.segments, phases.decode.segments,
      [](const Segment& a, const Segment& b) { return a.end == b.end && a.unit == b.unit; });
}

SessionPlacement place_session(const Program& program, const SessionOptions& options,
                               const CompileOptions& compile, std::string_view device,
                               const std::function<Device&(std::string_view)>& unit) {
  std::vector<UnitBudget> units = unit_budgets(device, program, compile, options.device_memory);
  const PlaceFor what{.context = options.context, .sequences = options.sequences, .kv = options.kv};
  SessionPlacement out;
  out.host = units.back().unit;
  out.phases = place_phases(program, units, what, {}, options.no_spill);
  if (out.phases.decode.spilled_bytes == 0) return out;
  UnitBudget& first = units.front();
  check_streams(first, options.spill);
  if (first.window_pieces == 0 || options.spill == SpillMode::cpu) return out;

  const bool by_rates = options.spill != SpillMode::stream;
  if (by_rates) {
    first.link_bytes_per_s = unit(device).link_rate().value_or(BytesPerSecond{}).value;
    if (options.host_read_rate) units.back().read_bytes_per_s = options.host_read_rate().value;
  }
  const SpillChoice choice = options.spill == SpillMode::automatic
                                 ? choose_spill(program, units, what, options.batch_rows)
                                 : asked(options.spill);
  out.phases = place_phases(program, units, what, choice.ways);
  out.prompt_rows = choice.prompt_rows;
  out.reason = choice.reason;
  return out;
}

}  // namespace ceiling
