#include "lab/tradeoff/statements.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {
namespace {

using enum StatementOutcome;

constexpr double kWithin = 0.05;       // of the claimed ratio, as for the claims of `lab`
constexpr double kMinimalNats = 0.01;  // raises perplexity by 1 % on text of the source's own kind

// The type; where it was not made, the source if that is stored so. Null: neither.
const TradeoffPoint* find(const Tradeoff& tradeoff, std::string_view type) {
  for (const std::string& name : {std::string(type), fmt::format("{} (source)", type)}) {
    const auto found = std::ranges::find(tradeoff.points, name, &TradeoffPoint::name);
    if (found != tradeoff.points.end()) return &*found;
  }
  return nullptr;
}

// Why divergences say nothing of quality here; empty: they do.
std::string no_quality(const Tradeoff& tradeoff) {
  if (tradeoff.synthetic) return "the weights are synthetic and have no quality to lose";
  if (!tradeoff.source_quantised) return "";
  return fmt::format(
      "distances are from a quantised file ({}), not from the model it was made from",
      tradeoff.quantised_type);
}

Statement memory_of_32_bits(const Tradeoff& tradeoff) {
  Statement out{.claim = "32 bits take four times the memory of 8 bits", .because = ""};
  const TradeoffPoint* large = find(tradeoff, "F32");
  const TradeoffPoint* small = find(tradeoff, "Q8_0");
  if (large == nullptr || small == nullptr) {
    out.because = "needs F32 and Q8_0 among the types";
    return out;
  }
  const double ratio = static_cast<double>(large->bytes) / static_cast<double>(small->bytes);
  out.outcome = std::abs(ratio / 4 - 1) <= kWithin ? supported : not_supported;
  out.because = fmt::format(
      "F32 takes {}, Q8_0 {} with the scales of its blocks: {} times (four within 5 % would do)",
      format_capacity({large->bytes}), format_capacity({small->bytes}), shown(ratio));
  return out;
}

Statement price_of_8_bits(const Tradeoff& tradeoff) {
  Statement out{.claim = "8 bits cost minimal quality", .because = ""};
  const TradeoffPoint* eight = find(tradeoff, "Q8_0");
  if (eight == nullptr) {
    out.because = "needs Q8_0 among the types";
    return out;
  }
  const Quality& q = eight->quality;
  const double half = t_quantile(0.975, 1e6) * q.mean_kl_error;
  const std::string reason = no_quality(tradeoff);
  if (!reason.empty()) {
    out.because = reason;
    if (!eight->source) out.because += fmt::format("; Q8_0 lies {} nats from it", shown(q.mean_kl));
    return out;
  }
  if (q.mean_kl + half < kMinimalNats) out.outcome = supported;
  if (q.mean_kl - half > kMinimalNats) out.outcome = not_supported;
  out.because = fmt::format(
      "Q8_0 lies {} nats ({}) from the source and has its top token in {:.1f} % of {} places; "
      "minimal here: below {} nats, 1 % of perplexity",
      shown(q.mean_kl), shown_range(std::max(0.0, q.mean_kl - half), q.mean_kl + half),
      100 * q.top_agreement, tradeoff.counted_tokens, kMinimalNats);
  return out;
}

bool is_dominated(const TradeoffPoint& point) { return !point.dominated_by.empty(); }

// The nearest in size of those that nothing is shown to dominate; null: none.
const TradeoffPoint* neighbour(const Tradeoff& tradeoff, const TradeoffPoint& of, bool larger) {
  const TradeoffPoint* found = nullptr;
  for (const TradeoffPoint& point : tradeoff.points) {
    if (point.source || is_dominated(point) || point.bytes == of.bytes ||
        (point.bytes > of.bytes) != larger)
      continue;
    if (found == nullptr || (point.bytes < found->bytes) == larger) found = &point;
  }
  return found;
}

// What going from one type to another brings: "Q3_K_M saves 8 MiB and lies 0.05 nats further".
std::string exchange(const TradeoffPoint& from, const TradeoffPoint& to) {
  const bool larger = to.bytes > from.bytes;
  const double nats = to.quality.mean_kl - from.quality.mean_kl;
  return fmt::format("{} {} {} and lies {} nats {}", to.name, larger ? "takes" : "saves",
                     format_capacity({larger ? to.bytes - from.bytes : from.bytes - to.bytes}),
                     shown(std::abs(nats)), nats < 0 ? "nearer" : "further");
}

std::string what_decides(const Tradeoff& tradeoff, const TradeoffPoint& point) {
  std::vector<std::string> choices;
  for (const bool larger : {false, true})
    if (const TradeoffPoint* next = neighbour(tradeoff, point, larger))
      choices.push_back(exchange(point, *next));
  std::string start =
      point.perhaps_dominated_by.empty()
          ? "nothing dominates it"
          : fmt::format("not told by {} blocks and {} tokens whether {} dominates it",
                        tradeoff.options.blocks, tradeoff.counted_tokens,
                        fmt::join(point.perhaps_dominated_by, " or "));
  if (choices.empty()) return start;
  return fmt::format("{}, and what is best depends on what a nat is worth: {}", start,
                     fmt::join(choices, "; "));
}

Statement best_balance(const Tradeoff& tradeoff) {
  Statement out{.claim = "Q4_K_M is the best balance", .because = ""};
  const TradeoffPoint* point = find(tradeoff, "Q4_K_M");
  if (point == nullptr || point->source) {
    out.because = "needs Q4_K_M among the types";
    return out;
  }
  out.because = no_quality(tradeoff);
  if (!out.because.empty()) {
    out.because += fmt::format("; Q4_K_M lies {} nats from it", shown(point->quality.mean_kl));
    return out;
  }
  if (is_dominated(*point)) {
    out.outcome = not_supported;
    out.because = fmt::format("{} dominates it: no larger, faster in decode and no further away",
                              fmt::join(point->dominated_by, " and "));
    return out;
  }
  std::size_t others = 0;
  std::size_t beaten = 0;
  for (const TradeoffPoint& other : tradeoff.points) {
    if (other.source || &other == point) continue;
    ++others;
    if (std::ranges::find(other.dominated_by, point->name) != other.dominated_by.end()) ++beaten;
  }
  if (others > 0 && beaten == others) {
    out.outcome = supported;
    out.because = fmt::format("it dominates every other type measured, {}", others);
    return out;
  }
  out.because = others == 0 ? "needs other types beside it" : what_decides(tradeoff, *point);
  return out;
}

std::string_view mark(StatementOutcome outcome) {
  switch (outcome) {
    case supported:
      return "●";
    case not_supported:
      return "✕";
    default:
      return "○";
  }
}

}  // namespace

std::string_view name(StatementOutcome outcome) {
  switch (outcome) {
    case supported:
      return "supported";
    case not_supported:
      return "not supported";
    default:
      return "not shown";
  }
}

std::vector<Statement> statements(const Tradeoff& tradeoff) {
  return {memory_of_32_bits(tradeoff), price_of_8_bits(tradeoff), best_balance(tradeoff)};
}

Table statement_table(const Tradeoff& tradeoff) {
  Table table{{"Often said", "Verdict", "Because"}, {}, 3};
  for (const Statement& statement : statements(tradeoff)) {
    table.rows.push_back({statement.claim,
                          fmt::format("{} {}", mark(statement.outcome), name(statement.outcome)),
                          statement.because});
  }
  return table;
}

}  // namespace ceiling::lab
