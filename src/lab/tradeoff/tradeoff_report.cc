// What a tradeoff says: on the terminal, as a page, as Markdown and as JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "base/units.h"
#include "lab/charts/svg.h"
#include "lab/report/page.h"
#include "lab/statistics/statistics.h"
#include "lab/tradeoff/dominance.h"
#include "lab/tradeoff/statements.h"
#include "lab/tradeoff/tradeoff.h"
#include "lab/tradeoff/tradeoff_charts.h"

namespace ceiling::lab {
namespace {

constexpr std::size_t kMostRows = 10;  // of the terminal's table

const TradeoffPoint& source_of(const Tradeoff& tradeoff) {
  return *std::ranges::find_if(tradeoff.points, &TradeoffPoint::source);
}

// What a type's place among the others is shown to be.
enum class Place { kept, dominated, untold };

Place place(const TradeoffPoint& point) {
  if (!point.dominated_by.empty()) return Place::dominated;
  return point.perhaps_dominated_by.empty() ? Place::kept : Place::untold;
}

std::vector<std::string> names_of(const Tradeoff& tradeoff, Place where) {
  std::vector<std::string> names;
  for (const TradeoffPoint& p : tradeoff.points)
    if (!p.source && place(p) == where) names.push_back(p.name);
  return names;
}

std::string count(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

// What is shown of the types' places, without a word on which to take.
std::string places(const Tradeoff& tradeoff) {
  const auto kept = names_of(tradeoff, Place::kept);
  if (!kept.empty()) return fmt::format("not dominated: {}", fmt::join(kept, ", "));
  if (names_of(tradeoff, Place::untold).empty()) return "every type is dominated";
  return fmt::format("{} and {} do not tell which types are dominated",
                     count(tradeoff.options.blocks, "block"),
                     count(tradeoff.counted_tokens, "token"));
}

// "Q8_0 lies 0.0003 nats away, Q2_K 0.385": the nearest and the farthest.
std::string divergences(const Tradeoff& tradeoff) {
  const TradeoffPoint* ends[2] = {nullptr, nullptr};
  for (const TradeoffPoint& p : tradeoff.points) {
    if (p.source) continue;
    const double kl = p.quality.mean_kl;
    if (ends[0] == nullptr || kl < ends[0]->quality.mean_kl) ends[0] = &p;
    if (ends[1] == nullptr || kl > ends[1]->quality.mean_kl) ends[1] = &p;
  }
  std::string out =
      fmt::format("{} lies {} nats away", ends[0]->name, shown(ends[0]->quality.mean_kl));
  if (ends[1] != ends[0])
    out += fmt::format(", {} {}", ends[1]->name, shown(ends[1]->quality.mean_kl));
  return out;
}

std::string answer(const Tradeoff& tradeoff) {
  if (tradeoff.synthetic)
    return fmt::format("For the synthetic weights of {}, which have no quality, {}",
                       tradeoff.model_name, places(tradeoff));
  if (tradeoff.source_quantised)
    return fmt::format("From {}, itself quantised ({}), {}; {}", tradeoff.model_name,
                       tradeoff.quantised_type, divergences(tradeoff), places(tradeoff));
  return fmt::format("For {} on this machine, {}", tradeoff.model_name, places(tradeoff));
}

std::string dominated_sentence(const Tradeoff& tradeoff) {
  const auto names = names_of(tradeoff, Place::dominated);
  if (names.empty()) return "No type is shown to be dominated.";
  return fmt::format(
      "Dominated (another is no larger, faster in decode and no further from the source): {}.",
      fmt::join(names, ", "));
}

// Empty: each type is told to be dominated or not to be.
std::string untold_sentence(const Tradeoff& tradeoff) {
  const auto names = names_of(tradeoff, Place::untold);
  if (names.empty()) return "";
  return fmt::format("Not told apart by {} and {} from one that may dominate it: {}.",
                     count(tradeoff.options.blocks, "block"),
                     count(tradeoff.counted_tokens, "token"), fmt::join(names, ", "));
}

std::string fastest_sentence(const Tradeoff& tradeoff) {
  const Fastest found = fastest(tradeoff.points);
  if (found.untold.empty()) return fmt::format("Fastest in decode: {}.", found.point->name);
  std::vector<std::string> names = {found.point->name};
  for (const TradeoffPoint* point : found.untold) names.push_back(point->name);
  return fmt::format("Fastest in decode: not told apart by {}: {}.",
                     count(tradeoff.options.blocks, "block"), fmt::join(names, ", "));
}

std::string source_sentence(const Tradeoff& tradeoff) {
  const std::string name = source_of(tradeoff).name;
  if (tradeoff.synthetic)
    return "The weights are synthetic: sizes and speeds mean something, the quality does not.";
  if (tradeoff.source_quantised)
    return fmt::format(
        "Distances are from a file that is itself quantised ({}): what it lost before is not in "
        "them, types made from it carry both losses, and none is recommended for its quality.",
        tradeoff.quantised_type);
  return fmt::format("The reference is not quantised: {}.", name);
}

// By how much speeds must differ to count as different.
std::string margin_sentence(const Tradeoff& tradeoff) {
  const double margin = Comparison(tradeoff.points).decode_margin();
  if (!std::isfinite(margin))
    return "One block shows no scatter of the speeds: none are told apart.";
  return fmt::format(
      "Decode speeds are told apart where they differ by at least {} %, or more where a pair's own "
      "scatter asks for it; divergences by their standard errors: both at 95 % for all pairs of "
      "types at once.",
      shown(100 * (margin - 1)));
}

std::string conditions_sentence(const Tradeoff& tradeoff) {
  const TradeoffOptions& o = tradeoff.options;
  return fmt::format(
      "Speeds: {} blocks, in each a fresh process for every type, the order turned from block to "
      "block; prompt of {} tokens, {} tokens decoded; geometric means and 95 % intervals. Quality: "
      "{} windows of {} tokens, the second halves counted, {} tokens; KL is the mean divergence of "
      "the type's distribution of the next token from the source's, with its standard error. {} {}",
      o.blocks, o.prompt_tokens, o.decode_tokens, tradeoff.windows, o.window,
      tradeoff.counted_tokens, margin_sentence(tradeoff),
      o.calibration.empty() ? "Types were made without importances."
                            : "Types were made with importances from a calibration text.");
}

std::string terminal_row(const TradeoffPoint& p, const TradeoffPoint& source) {
  const auto relative = static_cast<double>(p.bytes) / static_cast<double>(source.bytes);
  const Estimate decode = geometric_interval(p.decode, 0.95);
  const Estimate prefill = geometric_interval(p.prefill, 0.95);
  return fmt::format("{:<15} {:>9} {:>5.2f} {:>22} {:>9} {:>9} {:>7.1f} %  {}\n", p.name,
                     format_capacity({p.bytes}), relative, shown(decode), shown(prefill.value),
                     p.source ? "0" : shown(p.quality.mean_kl), 100 * p.quality.top_agreement,
                     place(p) == Place::dominated ? "dominated"
                     : place(p) == Place::untold  ? "not told"
                                                  : "");
}

std::string terminal_table(const Tradeoff& tradeoff) {
  std::string out = fmt::format("{:<15} {:>9} {:>5} {:>22} {:>9} {:>9} {:>9}\n", "type", "size",
                                "x", "decode, tokens/s", "prefill", "KL, nats", "same top");
  const bool all = tradeoff.points.size() <= kMostRows;
  std::size_t rows = 0;
  for (const TradeoffPoint& p : tradeoff.points) {
    if (!all && place(p) == Place::dominated && !p.source) continue;
    if (!all && rows + 1 == kMostRows) break;
    out += terminal_row(p, source_of(tradeoff));
    ++rows;
  }
  if (rows < tradeoff.points.size())
    out += fmt::format("({} more in the report)\n", tradeoff.points.size() - rows);
  return out;
}

std::string with_break(const std::string& sentence) {
  return sentence.empty() ? "" : sentence + "\n";
}

nlohmann::ordered_json rate_json(const std::vector<double>& samples) {
  const Estimate e = geometric_interval(samples, 0.95);
  return {{"mean", e.value}, {"low", e.low}, {"high", e.high}, {"samples", samples}};
}

nlohmann::ordered_json point_json(const TradeoffPoint& p) {
  const Quality& q = p.quality;
  nlohmann::ordered_json out = {{"type", p.name},
                                {"source", p.source},
                                {"bytes", p.bytes},
                                {"decode_tokens_per_s", rate_json(p.decode)},
                                {"prefill_tokens_per_s", rate_json(p.prefill)},
                                {"perplexity", q.perplexity},
                                {"perplexity_standard_error", q.perplexity_error},
                                {"mean_kl", q.mean_kl},
                                {"mean_kl_standard_error", q.mean_kl_error},
                                {"p99_kl", q.p99_kl},
                                {"top_agreement", q.top_agreement}};
  out["dominated_by"] = p.dominated_by;
  out["perhaps_dominated_by"] = p.perhaps_dominated_by;
  return out;
}

nlohmann::ordered_json fastest_json(const Tradeoff& tradeoff) {
  const Fastest found = fastest(tradeoff.points);
  nlohmann::ordered_json untold = nlohmann::ordered_json::array();
  for (const TradeoffPoint* point : found.untold) untold.push_back(point->name);
  return {{"type", found.point->name}, {"not_told_apart_from", untold}};
}

nlohmann::ordered_json statements_json(const Tradeoff& tradeoff) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Statement& s : statements(tradeoff)) {
    nlohmann::ordered_json one;
    one["claim"] = s.claim;
    one["outcome"] = name(s.outcome);
    one["because"] = s.because;
    out.push_back(one);
  }
  return out;
}

}  // namespace

std::string tradeoff_text(const Tradeoff& tradeoff) {
  std::string out = answer(tradeoff) + ".\n" + terminal_table(tradeoff);
  out += dominated_sentence(tradeoff) + "\n" + with_break(untold_sentence(tradeoff)) +
         fastest_sentence(tradeoff) + "\n" + source_sentence(tradeoff) + "\n";
  for (const Statement& s : statements(tradeoff))
    out += fmt::format("\"{}\": {}; {}\n", s.claim, name(s.outcome), s.because);
  return out;
}

std::string tradeoff_json(const Tradeoff& tradeoff) {
  nlohmann::ordered_json out;
  const TradeoffOptions& o = tradeoff.options;
  out["model"] = tradeoff.model_name;
  out["answer"] = answer(tradeoff);
  out["reference_is_quantised"] = tradeoff.source_quantised;
  out["reference_quantised_to"] = tradeoff.quantised_type;
  out["synthetic"] = tradeoff.synthetic;
  out["calibrated"] = !o.calibration.empty();
  out["machine"] = tradeoff.machine;
  out["conditions"] = {{"blocks", o.blocks},
                       {"prompt_tokens", o.prompt_tokens},
                       {"decode_tokens", o.decode_tokens},
                       {"window", o.window},
                       {"windows", tradeoff.windows},
                       {"counted_tokens", tradeoff.counted_tokens},
                       {"confidence", 0.95}};
  const double margin = Comparison(tradeoff.points).decode_margin();
  out["decode_ratio_told_apart"] =
      std::isfinite(margin) ? nlohmann::ordered_json(margin) : nlohmann::ordered_json(nullptr);
  out["fastest_in_decode"] = fastest_json(tradeoff);
  out["statements"] = statements_json(tradeoff);
  for (const TradeoffPoint& p : tradeoff.points) out["types"].push_back(point_json(p));
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  return out.dump(1, ' ', false, kReplace) + "\n";
}

std::string tradeoff_html(const Tradeoff& tradeoff) {
  const std::string title = answer(tradeoff);
  std::string out = page_head(title);
  out += fmt::format(
      "<header>\n<p class=\"kicker\">Ceiling, what each type costs: {} · {}</p>\n<h1>{}</h1>\n{}"
      "<p class=\"note\">{}</p>\n</header>\n<main id=\"answer\">\n",
      escaped(tradeoff.model_name), escaped(tradeoff.machine), prose(title),
      paragraph(dominated_sentence(tradeoff)) + paragraph(untold_sentence(tradeoff)) +
          paragraph(fastest_sentence(tradeoff)),
      prose(source_sentence(tradeoff)));
  out += figure_html(size_chart(tradeoff)) + figure_html(decode_chart(tradeoff));
  out += section("statements", "What is often said, by these figures",
                 table_html(statement_table(tradeoff)));
  out += section("all", "Every type", table_html(tradeoff_table(tradeoff)));
  out += section("conditions", "How it was measured", paragraph(conditions_sentence(tradeoff)));
  return out + page_foot(CEILING_VERSION);
}

std::string tradeoff_markdown(const Tradeoff& tradeoff) {
  std::string out = fmt::format("# {}\n\n", markdown_text(answer(tradeoff)));
  for (const std::string& sentence :
       {tradeoff.machine, dominated_sentence(tradeoff), untold_sentence(tradeoff),
        fastest_sentence(tradeoff), source_sentence(tradeoff)}) {
    if (!sentence.empty()) out += markdown_text(sentence) + "\n\n";
  }
  out += table_markdown(statement_table(tradeoff)) + table_markdown(tradeoff_table(tradeoff));
  return out + markdown_text(conditions_sentence(tradeoff)) + "\n";
}

}  // namespace ceiling::lab
