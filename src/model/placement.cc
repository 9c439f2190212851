#include "model/placement.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <variant>

#include "base/error.h"
#include "base/units.h"

namespace ceiling {
namespace {

// Steps that are never divided.
struct Piece {
  std::size_t begin = 0, end = 0;
  std::int32_t layer = -1;
};

std::vector<Piece> pieces_of(const Program& program) {
  std::vector<Piece> out;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const std::int32_t layer = program.steps[i].layer;
    if (out.empty() || out.back().layer != layer) out.push_back({i, i, layer});
    out.back().end = i + 1;
  }
  return out;
}

std::set<WeightId> weights_of(const Program& program, std::size_t begin, std::size_t end) {
  std::set<WeightId> out;
  for (std::size_t i = begin; i < end; ++i) {
    for (const WeightId weight : access(program.steps[i].operation).weights) out.insert(weight);
  }
  return out;
}

// Places the pieces of one Program; the result grows from its end.
class Placer {
 public:
  Placer(const Program& program, const std::vector<UnitBudget>& units, std::uint64_t positions,
         KvType kv)
      : program_(program),
        units_(units),
        positions_(positions),
        kv_(kv),
        pieces_(pieces_of(program)) {}

  std::vector<Segment> run() {
    std::size_t left = pieces_.size();  // pieces [0, left) have no unit yet
    for (std::size_t u = 0; u + 1 < units_.size(); ++u) left = fill(u, left);
    const bool preferred = units_.size() > 1;
    if (left > 0) {
      const std::size_t layers_begin = preferred ? pieces_.front().end : 0;
      const std::size_t end = pieces_[left - 1].end;
      if (end > layers_begin) {
        const bool spilled = preferred || units_.back().over_link;
        add(layers_begin, end, units_.back(), spilled ? Residency::spilled : Residency::shared);
      }
      if (layers_begin > 0) add_look_up();
    }
    std::ranges::reverse(segments_);
    return std::move(segments_);
  }

 private:
  // Gives unit u as many of the last `left` pieces as fit; returns how many are left.
  std::size_t fill(std::size_t u, std::size_t left) {
    const UnitBudget& unit = units_[u];
    if (left == 0) return 0;
    const std::size_t end = pieces_[left - 1].end;
    std::size_t taken = left;
    while (taken > 1) {  // piece 0 is the look-up
      const std::size_t begin = pieces_[taken - 1].begin;
      if (weight_bytes(begin, end) + kv_bytes(begin, end) > room(unit)) break;
      --taken;
    }
    if (taken < left) {
      add(pieces_[taken].begin, end, unit,
          unit.reads_mapping ? Residency::shared : Residency::copied);
    }
    return taken;
  }

  // The embedding look-up joins the first segment if that holds the table anyway or has room.
  void add_look_up() {
    const Piece& look_up = pieces_.front();
    if (!segments_.empty() && segments_.back().residency == Residency::copied) {
      Segment& first = segments_.back();
      const auto of_unit = [&](const UnitBudget& unit) { return unit.unit == first.unit; };
      const std::uint64_t with_table = weight_bytes(0, first.end) + kv_bytes(0, first.end);
      if (with_table == first.weight_bytes + first.kv_bytes ||
          with_table <= room(*std::ranges::find_if(units_, of_unit))) {
        first.begin = 0;
        first.weight_bytes = weight_bytes(0, first.end);
        return;
      }
    }
    add(look_up.begin, look_up.end, units_.back(), Residency::shared);
  }

  static std::uint64_t room(const UnitBudget& unit) {
    return unit.memory_bytes - std::min(unit.memory_bytes, unit.workspace_bytes);
  }

  void add(std::size_t begin, std::size_t end, const UnitBudget& unit, Residency residency) {
    segments_.push_back({.begin = begin,
                         .end = end,
                         .unit = unit.unit,
                         .residency = residency,
                         .weight_bytes = weight_bytes(begin, end),
                         .kv_bytes = kv_bytes(begin, end),
                         .holds = {}});
  }

  std::uint64_t weight_bytes(std::size_t begin, std::size_t end) const {
    std::uint64_t total = 0;
    for (const WeightId weight : weights_of(program_, begin, end)) {
      total += program_.weights[weight].bytes();
    }
    return total;
  }

  std::uint64_t kv_bytes(std::size_t begin, std::size_t end) const {
    std::uint64_t total = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const auto* append = std::get_if<KvAppend>(&program_.steps[i].operation);
      if (append == nullptr) continue;
      const KvState& state = program_.kv[append->kv];
      total += positions_ * state.kv_heads *
               (kv_row_bytes(kv_, state.key_width) + kv_row_bytes(kv_, state.value_width));
    }
    return total;
  }

  const Program& program_;
  const std::vector<UnitBudget>& units_;
  std::uint64_t positions_;
  KvType kv_;
  std::vector<Piece> pieces_;
  std::vector<Segment> segments_;  // last first
};

void refuse_spill(const std::vector<UnitBudget>& units, std::uint64_t spilled) {
  if (units.size() == 1) {
    fail(ExitCode::refused,
         "{} of weights and KV would be read across the link at every step, for '{}' has memory of "
         "its own: allow it, or let weights be copied to that memory",
         format_capacity({spilled}), units.front().unit);
  }
  std::uint64_t memory = 0;
  for (std::size_t u = 0; u + 1 < units.size(); ++u) memory += units[u].memory_bytes;
  fail(ExitCode::refused,
       "{} of weights and KV would spill out of {} of {}: allow it, shorten the context (-c), or "
       "choose a smaller type or model",
       format_capacity({spilled}), format_capacity({memory}),
       units.size() == 2 ? units.front().unit : "the preferred units");
}

void add_totals(const Program& program, Placement& out) {
  for (const Segment& segment : out.segments) {
    std::uint64_t& total = segment.residency == Residency::shared   ? out.shared_bytes
                           : segment.residency == Residency::copied ? out.copied_bytes
                                                                    : out.spilled_bytes;
    total += segment.weight_bytes;
    if (segment.begin == 0) continue;
    const Segment& before = *(&segment - 1);
    if (before.unit == segment.unit) continue;
    for (const ValueId value : values_across(program, segment.begin)) {
      out.cut_bytes_per_row += program.values[value].width * sizeof(float);
    }
  }
}

std::string layers_of(const Program& program, const Segment& segment) {
  std::int32_t first = -1;
  std::int32_t last = -1;
  for (std::size_t i = segment.begin; i < segment.end; ++i) {
    const std::int32_t layer = program.steps[i].layer;
    if (layer < 0) continue;
    if (first < 0) first = layer;
    last = layer;
  }
  std::string out = segment.begin == 0 ? "embedding" : "";
  const auto join = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (first >= 0)
    join(first == last ? fmt::format("layer {}", first) : fmt::format("layers {}-{}", first, last));
  if (segment.end == program.steps.size()) join("output");
  return out;
}

}  // namespace

std::string_view name(Residency residency) {
  switch (residency) {
    case Residency::shared:
      return "shared";
    case Residency::copied:
      return "copied";
    case Residency::spilled:
      return "spilled";
  }
  return "";
}

Placement place(const Program& program, const std::vector<UnitBudget>& units, std::uint32_t context,
                std::uint32_t sequences, KvType kv, Phase phase, bool no_spill) {
  if (units.empty() || !units.back().reads_mapping) {
    fail(ExitCode::failed, "no unit that reads the mapping was offered: add the CPU as the last");
  }
  Placement out;
  out.segments = Placer(program, units, std::uint64_t{context} * sequences, kv).run();
  std::uint64_t spilled = 0;
  for (Segment& segment : out.segments) {
    segment.holds = layers_of(program, segment);
    if (segment.residency != Residency::spilled) continue;
    spilled += segment.weight_bytes + segment.kv_bytes;
    const UnitBudget& first = units.front();
    if (phase == Phase::prefill && first.link_bytes_per_s > 0) segment.unit = first.unit;
  }
  if (no_spill && spilled > 0) refuse_spill(units, spilled);
  add_totals(program, out);
  return out;
}

std::string describe(const Placement& placement) {
  std::string out = fmt::format("{:<10} {:<28} {:>12} {:>12}  {}\n", "unit", "runs", "weights",
                                "KV cache", "residency");
  for (const Segment& segment : placement.segments) {
    out += fmt::format("{:<10} {:<28} {:>12} {:>12}  {}\n", segment.unit, segment.holds,
                       format_capacity({segment.weight_bytes}), format_capacity({segment.kv_bytes}),
                       name(segment.residency));
  }
  if (placement.cut_bytes_per_row > 0) {
    out += fmt::format("between units, each row: {}\n",
                       format_capacity({placement.cut_bytes_per_row}));
  }
  return out;
}

}  // namespace ceiling
