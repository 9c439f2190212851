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

std::uint64_t weight_bytes(const Program& program, std::size_t begin, std::size_t end) {
  std::uint64_t total = 0;
  for (const WeightId weight : weights_of(program, begin, end)) {
    total += program.weights[weight].bytes();
  }
  return total;
}

std::uint64_t room(const UnitBudget& unit) {
  return unit.memory_bytes - std::min(unit.memory_bytes, unit.workspace_bytes);
}

// What the first unit needs before it holds a layer, where layers are streamed: the window and all
// of the KV cache.
std::uint64_t streaming_bytes(const Program& program, const UnitBudget& unit,
                              const PlaceFor& what) {
  std::uint64_t largest = 0;
  for (const Piece& piece : pieces_of(program)) {
    if (piece.layer < 0) continue;
    largest = std::max(largest, weight_bytes(program, piece.begin, piece.end));
  }
  return unit.window_pieces * largest + std::min(unit.window_bytes, largest) +
         std::uint64_t{what.context} * what.sequences * kv_bytes_per_position(program, what.kv);
}

// Places the pieces of one Program; the result grows from its end.
class Placer {
 public:
  Placer(const Program& program, const std::vector<UnitBudget>& units, const PlaceFor& what)
      : program_(program),
        units_(units),
        positions_(std::uint64_t{what.context} * what.sequences),
        kv_(what.kv),
        pieces_(pieces_of(program)) {}

  // `kept`: bytes of the first unit that are not for layers; its KV cache is among them then.
  std::vector<Segment> run(SpillWay way, std::uint64_t kept) {
    kept_ = kept;
    std::size_t left = pieces_.size();  // pieces [0, left) have no unit yet
    for (std::size_t u = 0; u + 1 < units_.size(); ++u) left = fill(u, left);
    const bool preferred = units_.size() > 1;
    if (left > 0) {
      const std::size_t layers_begin = preferred ? pieces_.front().end : 0;
      const std::size_t end = pieces_[left - 1].end;
      if (end > layers_begin && preferred) place_each(stay(left), way);
      if (end > layers_begin && !preferred) {
        add(layers_begin, end, units_.back(),
            units_.back().over_link ? Residency::spilled : Residency::shared);
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
      if (needed(pieces_[taken - 1].begin, end) > room_of(unit)) break;
      --taken;
    }
    if (taken < left) {
      add(pieces_[taken].begin, end, unit,
          unit.reads_mapping ? Residency::shared : Residency::copied);
    }
    return taken;
  }

  // Which pieces the preferred units keep. Where layers stream, those that stay lie among the
  // others: the link works on while they are computed.
  std::vector<bool> stay(std::size_t left) const {
    std::vector<bool> stays(pieces_.size(), true);
    const auto layers = static_cast<std::size_t>(
        std::ranges::count_if(pieces_, [](const Piece& piece) { return piece.layer >= 0; }));
    std::size_t spilled = left - 1;
    if (kept_ == 0 || spilled >= layers) {
      std::fill(stays.begin() + 1, stays.begin() + static_cast<std::ptrdiff_t>(left), false);
      return stays;
    }
    const std::size_t together = 3 * std::max<std::size_t>(units_.front().window_pieces, 1);
    for (; spilled <= layers; ++spilled) {  // layers differ in size: one more may have to go
      stays.assign(pieces_.size(), true);
      const std::size_t groups = (spilled + together - 1) / together;
      for (std::size_t k = 0; k < groups; ++k) {
        const std::size_t first = 1 + k * layers / groups;
        const std::size_t count = (k + 1) * spilled / groups - k * spilled / groups;
        for (std::size_t i = first; i < first + count; ++i) stays[i] = false;
      }
      std::uint64_t bytes = 0;
      for (std::size_t i = 1; i < pieces_.size(); ++i) {
        if (stays[i]) bytes += weight_bytes(program_, pieces_[i].begin, pieces_[i].end);
      }
      if (bytes <= room_of(units_.front())) break;
    }
    return stays;
  }

  // All pieces but the look-up: those that do not stay go to the last unit or over the first one's
  // link. The output head never crosses.
  void place_each(const std::vector<bool>& stays, SpillWay way) {
    const double share = crossing_share(way);
    const std::size_t together = std::max<std::size_t>(units_.front().window_pieces, 1);
    double due = 0;            // layers that should have crossed by now
    std::size_t crossing = 0;  // as many as the window holds cross together: fewer cuts
    if (kept_ > 0) segments_.clear();
    for (std::size_t i = pieces_.size(); i-- > 1;) {  // from the end, as everything here
      const Piece& piece = pieces_[i];
      if (stays[i]) {
        if (kept_ > 0) join(piece, units_.front(), Residency::copied);
        continue;
      }
      bool crosses = false;
      if (piece.layer >= 0) {
        due += share;
        if (crossing == 0 && due >= 1 - 1e-9) crossing = together;
        crosses = crossing > 0;
        if (crosses) {
          --crossing;
          due -= 1;
        }
      }
      join(piece, crosses ? units_.front() : units_.back(), Residency::spilled);
    }
  }

  // The piece before the segment that was added last, as a part of it where it is alike.
  void join(const Piece& piece, const UnitBudget& unit, Residency residency) {
    std::size_t end = piece.end;
    if (!segments_.empty() && segments_.back().unit == unit.unit &&
        segments_.back().residency == residency) {
      end = segments_.back().end;
      segments_.pop_back();
    }
    add(piece.begin, end, unit, residency);
  }

  double crossing_share(SpillWay way) const {
    if (way == SpillWay::cpu) return 0;
    if (way == SpillWay::stream) return 1;
    const double link = units_.front().link_bytes_per_s;
    const double host = units_.back().read_bytes_per_s;
    return link > 0 && host > 0 ? link / (link + host) : 0.5;
  }

  // The embedding look-up joins the first segment if that holds the table anyway or has room.
  void add_look_up() {
    const Piece& look_up = pieces_.front();
    if (!segments_.empty() && segments_.back().residency == Residency::copied) {
      Segment& first = segments_.back();
      const auto of_unit = [&](const UnitBudget& unit) { return unit.unit == first.unit; };
      if (needed(0, first.end) == needed(first.begin, first.end) ||
          needed(0, first.end) <= room_of(*std::ranges::find_if(units_, of_unit))) {
        first.begin = 0;
        first.weight_bytes = weight_bytes(program_, 0, first.end);
        return;
      }
    }
    add(look_up.begin, look_up.end, units_.back(), Residency::shared);
  }

  std::uint64_t room_of(const UnitBudget& unit) const {
    const std::uint64_t all = room(unit);
    return &unit == &units_.front() ? all - std::min(all, kept_) : all;
  }
  std::uint64_t needed(std::size_t begin, std::size_t end) const {
    return weight_bytes(program_, begin, end) + (kept_ > 0 ? 0 : kv_bytes(begin, end));
  }

  void add(std::size_t begin, std::size_t end, const UnitBudget& unit, Residency residency) {
    segments_.push_back({.begin = begin,
                         .end = end,
                         .unit = unit.unit,
                         .residency = residency,
                         .weight_bytes = weight_bytes(program_, begin, end),
                         .kv_bytes = kv_bytes(begin, end),
                         .holds = {}});
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
  std::uint64_t kept_ = 0;
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

std::string_view name(SpillWay way) {
  switch (way) {
    case SpillWay::cpu:
      return "cpu";
    case SpillWay::stream:
      return "stream";
    case SpillWay::both:
      return "both";
  }
  return "";
}

Placement place(const Program& program, const std::vector<UnitBudget>& units, std::uint32_t context,
                std::uint32_t sequences, KvType kv, Phase phase, bool no_spill) {
  Spill spill;
  if (phase == Phase::prefill && !units.empty() && units.front().link_bytes_per_s > 0) {
    spill.prefill = SpillWay::stream;
  }
  Placements both = place_phases(
      program, units, {.context = context, .sequences = sequences, .kv = kv}, spill, no_spill);
  return phase == Phase::prefill ? std::move(both.prefill) : std::move(both.decode);
}

bool can_stream(const Program& program, const std::vector<UnitBudget>& units,
                const PlaceFor& what) {
  return units.size() == 2 && units.front().window_pieces > 0 &&
         streaming_bytes(program, units.front(), what) <= room(units.front());
}

Placements place_phases(const Program& program, const std::vector<UnitBudget>& units,
                        const PlaceFor& what, const Spill& spill, bool no_spill) {
  if (units.empty() || !units.back().reads_mapping) {
    fail(ExitCode::failed, "no unit that reads the mapping was offered: add the CPU as the last");
  }
  const auto finished = [&](SpillWay way, std::uint64_t kept) {
    Placement out;
    out.segments = Placer(program, units, what).run(way, kept);
    for (Segment& segment : out.segments) segment.holds = layers_of(program, segment);
    add_totals(program, out);
    return out;
  };
  Placement plain = finished(SpillWay::cpu, 0);
  std::uint64_t spilled = 0;
  for (const Segment& segment : plain.segments) {
    if (segment.residency == Residency::spilled) spilled += segment.weight_bytes + segment.kv_bytes;
  }
  if (no_spill && spilled > 0) refuse_spill(units, spilled);
  if (spilled == 0 || !spill.streams()) return {plain, plain};
  const std::uint64_t kept = streaming_bytes(program, units.front(), what);
  if (kept > room(units.front())) {
    fail(ExitCode::failed,
         "streaming takes {} of {} beside its {} of workspace, for two layers on their way and the "
         "KV cache of {} positions; its limit is {}: raise --device-memory, shorten the context "
         "(-c), or use --spill cpu",
         format_capacity({kept}), units.front().unit,
         format_capacity({units.front().workspace_bytes}),
         std::uint64_t{what.context} * what.sequences,
         format_capacity({units.front().memory_bytes}));
  }
  Placements out{finished(spill.prefill, kept), finished(spill.decode, kept)};
  const std::uint64_t kv =
      std::uint64_t{what.context} * what.sequences * kv_bytes_per_position(program, what.kv);
  out.prefill.window_bytes = out.decode.window_bytes = kept - kv;
  return out;
}

}  // namespace ceiling
