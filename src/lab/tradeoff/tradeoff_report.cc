// What a tradeoff says: on the terminal, as a page, as Markdown and as JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "base/units.h"
#include "lab/charts/svg.h"
#include "lab/report/page.h"
#include "lab/statistics/statistics.h"
#include "lab/tradeoff/tradeoff.h"
#include "lab/tradeoff/tradeoff_charts.h"

namespace ceiling::lab {
namespace {

constexpr std::size_t kMostRows = 14;  // of the terminal's table

const TradeoffPoint& source_of(const Tradeoff& tradeoff) {
  return *std::find_if(tradeoff.points.begin(), tradeoff.points.end(),
                       [](const TradeoffPoint& p) { return p.source; });
}

std::vector<std::string> names_of(const Tradeoff& tradeoff, bool dominated) {
  std::vector<std::string> names;
  for (const TradeoffPoint& p : tradeoff.points)
    if (!p.source && p.dominated_by.empty() != dominated) names.push_back(p.name);
  return names;
}

std::string answer(const Tradeoff& tradeoff) {
  const auto kept = names_of(tradeoff, false);
  if (kept.empty())
    return fmt::format("For {} on this machine no type beats its source as it is",
                       tradeoff.model_name);
  return fmt::format("For {} on this machine, worth choosing from: {}", tradeoff.model_name,
                     fmt::join(kept, ", "));
}

std::string dominated_sentence(const Tradeoff& tradeoff) {
  const auto names = names_of(tradeoff, true);
  if (names.empty()) return "No type is dominated.";
  return fmt::format(
      "Dominated (another is no larger, by its mean speed no slower in decode, and no further from "
      "the source): {}.",
      fmt::join(names, ", "));
}

std::string source_sentence(const Tradeoff& tradeoff) {
  const std::string name = source_of(tradeoff).name;
  if (tradeoff.synthetic)
    return "The weights are synthetic: sizes and speeds mean something, the quality does not.";
  if (tradeoff.source_quantised)
    return fmt::format(
        "The reference is itself quantised, {}: what it lost before is not in these figures, and "
        "types made from it carry both losses.",
        name);
  return fmt::format("The reference is not quantised: {}.", name);
}

std::string conditions_sentence(const Tradeoff& tradeoff) {
  const TradeoffOptions& o = tradeoff.options;
  return fmt::format(
      "Speeds: {} blocks, in each a fresh process for every type, the order turned from block to "
      "block; prompt of {} tokens, {} tokens decoded; geometric means and 95 % intervals. Quality: "
      "{} windows of {} tokens, the second halves counted, {} tokens; KL is the mean divergence of "
      "the type's distribution of the next token from the source's. {}",
      o.blocks, o.prompt_tokens, o.decode_tokens, tradeoff.windows, o.window,
      tradeoff.counted_tokens,
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
                     p.dominated_by.empty() ? "" : "dominated");
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
  return out;
}

}  // namespace

std::string tradeoff_text(const Tradeoff& tradeoff) {
  const TradeoffPoint& source = source_of(tradeoff);
  std::string out = answer(tradeoff) + ".\n";
  out += fmt::format("{:<15} {:>9} {:>5} {:>22} {:>9} {:>9} {:>9}\n", "type", "size", "x",
                     "decode, tokens/s", "prefill", "KL, nats", "same top");
  const bool all = tradeoff.points.size() <= kMostRows;
  std::size_t rows = 0;
  for (const TradeoffPoint& p : tradeoff.points) {
    if (!all && !p.dominated_by.empty() && !p.source) continue;
    if (rows++ < kMostRows) out += terminal_row(p, source);
  }
  out += dominated_sentence(tradeoff) + "\n" + source_sentence(tradeoff) + "\n";
  return out;
}

std::string tradeoff_json(const Tradeoff& tradeoff) {
  nlohmann::ordered_json out;
  const TradeoffOptions& o = tradeoff.options;
  out["model"] = tradeoff.model_name;
  out["reference_is_quantised"] = tradeoff.source_quantised;
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
      paragraph(dominated_sentence(tradeoff)), prose(source_sentence(tradeoff)));
  out += figure_html(size_chart(tradeoff)) + figure_html(decode_chart(tradeoff));
  out += section("all", "Every type", table_html(tradeoff_table(tradeoff)));
  out += section("conditions", "How it was measured", paragraph(conditions_sentence(tradeoff)));
  return out + page_foot(CEILING_VERSION);
}

std::string tradeoff_markdown(const Tradeoff& tradeoff) {
  std::string out =
      fmt::format("# {}\n\n{}\n\n{}\n\n{}\n\n", markdown_text(answer(tradeoff)),
                  markdown_text(tradeoff.machine), markdown_text(dominated_sentence(tradeoff)),
                  markdown_text(source_sentence(tradeoff)));
  out += table_markdown(tradeoff_table(tradeoff));
  return out + markdown_text(conditions_sentence(tradeoff)) + "\n";
}

}  // namespace ceiling::lab
