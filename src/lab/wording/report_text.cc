#include "lab/wording/report_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "base/units.h"

namespace ceiling::lab {
namespace {

// Decimals that leave three figures.
int decimals_of(double value) {
  if (!(std::abs(value) > 0)) return 0;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(std::abs(value)))), 0, 6);
}

std::string with_decimals(double value, int decimals) {
  return fmt::format("{:.{}f}", value, decimals);
}

// An estimate as it is printed: its value, and " (low–high)" in the same digits.
struct Shown {
  std::string value, interval;
};

Shown split(const Estimate& estimate, double scale, int decimals) {
  const auto text = [&](double value) { return with_decimals(scale * value, decimals); };
  if (estimate.n < 2) return {text(estimate.value), ""};
  return {text(estimate.value), fmt::format(" ({}–{})", text(estimate.low), text(estimate.high))};
}

Shown split(const Estimate& estimate, double scale) {
  return split(estimate, scale, decimals_of(scale * estimate.value));
}

Shown split_percent(const Estimate& share) {
  const bool fine = share.n >= 2 && share.high - share.low < 0.02;
  return split(share, 100, fine ? 1 : 0);
}

}  // namespace

std::string shown(double value) {
  if (!std::isfinite(value)) return "–";
  if (std::abs(value) >= 1000) {
    const double unit = std::pow(10, std::floor(std::log10(std::abs(value))) - 2);
    return fmt::format("{:.0f}", std::round(value / unit) * unit);
  }
  return with_decimals(value, decimals_of(value));
}

std::string shown(const Estimate& estimate) {
  if (estimate.n < 2) return shown(estimate.value);
  const Shown parts = split(estimate, 1);
  return parts.value + parts.interval;
}

std::string shown_range(double low, double high) {
  const int decimals = decimals_of(high);
  return fmt::format("{}–{}", with_decimals(low, decimals), with_decimals(high, decimals));
}

std::string shown_percent(const Estimate& share) {
  const Shown parts = split_percent(share);
  return parts.value + " %" + parts.interval;
}

std::string shown_time(double wall_s) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(wall_s)));
}

std::optional<double> shown_others_share(const TrialConditions& conditions) {
  if (!conditions.others_share) return std::nullopt;
  const bool counted = *conditions.others_share > conditions.others_share_resolution.value_or(0);
  return counted ? *conditions.others_share : 0;
}

std::string weights_label(const Cell& cell) {
  return cell.synthetic() ? "synthetic: speed only" : "real";
}

std::string device_suffix(const Cell& cell) { return cell.on_cpu() ? "" : " on " + cell.device; }

bool has_devices(const Plan& plan) {
  return std::any_of(plan.cells.begin(), plan.cells.end(),
                     [](const Cell& cell) { return !cell.on_cpu(); });
}

std::string tested_prefix(const Plan& plan) {
  return has_devices(plan) ? fmt::format("on {}: ", plan.tested_device()) : "";
}

std::string cell_name(const ReportData& data, std::size_t cell) {
  const Cell& c = data.plan.cells[cell];
  return c.synthetic() ? c.title() + " (synthetic weights: speed only)" : c.title();
}

std::string headline(const ReportData& data) {
  const CellFigures& figures = data.analysis.headline();
  const Shown speed = split(figures.tokens_per_s, 1);
  const Shown share = split_percent(figures.share);
  const Cell& cell = data.plan.cells[figures.cell];
  return fmt::format("{} makes {} tokens/s{}, {} % of what {} memory allows{}", cell.title(),
                     speed.value, speed.interval, share.value,
                     cell.on_cpu() ? "this machine’s" : "the device’s own", share.interval);
}

std::string headline_label(const ReportData& data) {
  const Cell& cell = data.plan.cells[data.analysis.headline().cell];
  return cell.synthetic() ? "synthetic weights: speed only" : "";
}

std::string type_sentence(const ReportData& data) {
  if (data.analysis.type_ratios.empty()) return {};
  const TypeRatio& ratio = data.analysis.type_ratios.front();
  if (ratio.speed.n == 0) return {};
  const Cell& smaller = data.plan.cells[ratio.smaller];
  const Cell& larger = data.plan.cells[ratio.larger];
  return fmt::format(
      "{}{} reads {} times fewer bytes a token at {} than at {}, and runs {} times as fast{}",
      smaller.size, device_suffix(smaller), shown(ratio.bytes), smaller.type, larger.type,
      shown(ratio.speed), smaller.synthetic() ? " (synthetic weights: speed only)" : "");
}

std::string cold_sentence(const ReportData& data) {
  if (data.analysis.cold_loads.empty()) return {};
  const ColdLoad& cold = data.analysis.cold_loads.front();
  const Cell& cell = data.plan.cells[cold.cell];
  return fmt::format(
      "From cold, {} at {}{} is in memory after {} s, read from the disk at {} GB/s{}", cell.size,
      cell.type, device_suffix(cell), shown(cold.load_s),
      shown(cold.file_bytes / cold.load_s.value / 1e9),
      cell.synthetic() ? " (synthetic weights: speed only)" : "");
}

namespace {

std::string subject_of(const std::string& hypothesis) {
  if (hypothesis == "H1") return "Memory sets the speed";
  if (hypothesis == "H2") return "Speed follows bytes";
  if (hypothesis == "H3") return "Nearly full memory slows little";
  return {};
}

}  // namespace

std::vector<HypothesisText> hypothesis_texts(const ReportData& data) {
  const auto mark = [](Verdict verdict) {
    switch (verdict) {
      case Verdict::supported:
        return "●";
      case Verdict::refuted:
        return "✕";
      case Verdict::inconclusive:
        return "◐";
      default:
        return "○";
    }
  };
  std::vector<HypothesisText> texts;
  for (const Hypothesis& h : data.plan.hypotheses) {
    const HypothesisVerdict* found = data.analysis.judgement.find(h.id);
    HypothesisText text{h.id, h.claim, h.threshold, subject_of(h.id), Verdict::none, "", "", ""};
    if (found != nullptr) {
      text.verdict = found->decision.verdict;
      text.because = found->why_not.empty() ? tested_prefix(data.plan) + found->decision.because
                                            : found->why_not;
      text.otherwise = found->why_not.empty() ? found->decision.otherwise : "";
    }
    text.mark = mark(text.verdict);
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string sentence_case(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z')
    out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

std::string score_sentence(const ReportData& data) {
  const PredictionScores& s = data.analysis.scores;
  if (s.predictions == 0) return {};
  return fmt::format(
      "Of the program’s {} predictions {} lie inside their 80 % interval and {} inside the 95 % "
      "one. "
      "With so few, the true share inside the 80 % intervals may be anything from {:.0f} to {:.0f} "
      "% "
      "(exact 95 % interval). Mean interval score over ln(tokens/s): {:.2f}; smaller is better, "
      "and "
      "both a miss and a needlessly wide interval cost",
      s.predictions, s.inside_80, s.inside_95, 100 * s.coverage_80.low, 100 * s.coverage_80.high,
      s.score_80);
}

std::string gate_sentence(const ReportData& data) {
  const auto& same = data.analysis.judgement.same;
  if (!same) return {};
  return fmt::format(
      "The same cell under two labels (A/A): its shares of the ceiling differ by a factor of "
      "{:.3f} "
      "({:.3f}–{:.3f}, 90 %); that they are the same within {:.0f} % is {} ({})",
      same->ratio.value, same->ratio.low, same->ratio.high, 100 * data.plan.thresholds.same_within,
      same->passed ? "shown" : "not shown",
      same->p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3f}", same->p));
}

std::string added_rate_sentence(const ReportData& data) {
  const auto& treated = data.analysis.judgement.treated;
  if (!treated || !treated->added) return {};
  const AddedRate& added = *treated->added;
  const Thresholds& t = data.plan.thresholds;
  const std::string counted =
      added.misses_per_line
          ? fmt::format(" The processor’s own counter saw {:.2f} cache misses for each line added.",
                        *added.misses_per_line)
          : " This machine shows no counter of cache misses.";
  const std::string sentence = fmt::format(
      "Did the added bytes come from memory? From {} to {} times the weights' bytes, each further "
      "one came at {} GB/s where memory read {} GB/s: {:.2f} ({:.2f}–{:.2f}, 90 %) of its rate. "
      "Dropped or cached reads would have come faster; H1 has no verdict unless the interval lies "
      "inside {:.2f}–{:.2f}.",
      shown(1 + added.from), shown(1 + added.until),
      shown(added.ratio.value * added.memory_per_s / 1e9), shown(added.memory_per_s / 1e9),
      added.ratio.value, added.ratio.low, added.ratio.high, t.added_rate_least, t.added_rate_most);
  return sentence + counted;
}

std::vector<std::string> limits(const ReportData& data) {
  std::vector<std::string> list = {
      fmt::format("It says nothing about other machines, {}engines, or about how good a model's "
                  "answers are.",
                  data.analysis.engines.empty() ? "" : "further "),
      "The chain proves order only against an outside anchor: post the seal before the run. An "
      "owner "
      "could run many times and reveal one; only a replication tests that.",
      "In a virtual machine the ceiling is the machine's share at that time; it is measured again "
      "between tokens.",
  };
  if (data.plan.blocks < 10) {
    list.push_back(fmt::format(
        "{} blocks show speeds and shares with their intervals; differences of a few per cent are "
        "beyond them.",
        data.plan.blocks));
  }
  if (std::any_of(data.plan.cells.begin(), data.plan.cells.end(),
                  [](const Cell& cell) { return cell.synthetic(); })) {
    list.push_back(
        "Synthetic weights have a real model's shape and bytes and say nothing of quality: speed "
        "only.");
  }
  return list;
}

}  // namespace ceiling::lab
