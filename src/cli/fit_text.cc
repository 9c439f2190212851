#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/units.h"
#include "cli/fit_report.h"

namespace ceiling::cli {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

std::string gib(std::uint64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / kGiB);
}

std::string seconds_with_interval(const fit::Prediction& p) {
  return fmt::format("{} ({}–{})", format_duration({p.median}), format_duration({p.p80.low}),
                     format_duration({p.p80.high}));
}

bool runs(const fit::Answer& answer) { return answer.verdict != fit::Verdict::does_not_fit; }

std::string details(const Answered& answered) {
  const fit::Question& q = answered.question;
  const fit::Answer& a = answered.answer;
  std::string out = fmt::format(
      "{} {} on {}: {}\n\n"
      "  memory       {} GiB, {} kept by system or driver, {} usable\n"
      "  needed       weights {} + KV {} (context {}) + workspace {} = {} GiB\n",
      q.model, q.type, q.hardware.name, name(a.verdict), gib(a.budget.memory_bytes),
      gib(a.budget.system_bytes), gib(a.budget.usable()), gib(a.need.weight_bytes),
      gib(a.need.kv_bytes), q.context, gib(a.need.workspace_bytes), gib(a.need.total()));
  out += fmt::format("  residency    shared {} GiB, copied {} GiB, spilled {} GiB\n",
                     gib(a.placement.shared_bytes), gib(a.placement.copied_bytes),
                     gib(a.placement.spilled_bytes));
  if (!runs(a)) return out + "  speed        none: choose a smaller type, model or context\n";
  out += fmt::format(
      "  decode       {} tokens/s; 95 %: {}–{}; {}; at most {}\n"
      "  full context {} tokens/s\n"
      "  first token  {}; 95 %: {}–{}; for a prompt of {}\n"
      "  because      {}\n",
      with_interval(a.tokens_per_s), format_count(a.tokens_per_s.p95.low),
      format_count(a.tokens_per_s.p95.high), name(a.reading), format_count(a.ceiling_tokens_per_s),
      with_interval(a.tokens_per_s_full_context), seconds_with_interval(a.first_token_s),
      format_duration({a.first_token_s.p95.low}), format_duration({a.first_token_s.p95.high}),
      q.prompt, a.reason);
  return out;
}

std::string beside_memory(const fit::Question& q) {
  std::string text = q.hardware.kind == fit::Kind::discrete
                         ? fmt::format("host {:.0f} GB/s and {}", q.host.bandwidth.gb_per_s(),
                                       format_capacity({q.host.memory_bytes}))
                         : std::string(name(q.hardware.kind)) + " memory";
  if (q.engine.backend == fit::Backend::cpu) {
    text += fmt::format(", {} threads", fit::cpu_threads(q.hardware, q.engine));
  }
  return text;
}

std::string inputs(const fit::Question& q) {
  return fmt::format(
      "  inputs       {:.0f} GB/s, {} memory, backend {}, {}, KV {}\n"
      "  change       --bandwidth, --memory, --usable, --backend, --threads, --host-memory, "
      "--host-bandwidth, --kv, -c, -p\n",
      q.hardware.bandwidth.gb_per_s(), format_capacity({q.memory_bytes}), name(q.engine.backend),
      beside_memory(q), q.kv == KvType::f16 ? "f16" : "q8_0");
}

}  // namespace

std::string with_interval(const fit::Prediction& p) {
  return fmt::format("{} ({}–{})", format_count(p.median), format_count(p.p80.low),
                     format_count(p.p80.high));
}

std::string fit_text(const std::vector<Answered>& answers) {
  if (answers.size() == 1) {
    const Answered& only = answers.front();
    const std::string read =
        only.source.empty() ? "" : fmt::format("  file         {}\n", only.source);
    return details(only) + read + inputs(only.question);
  }
  const fit::Question& first = answers.front().question;
  std::string out = fmt::format(
      "{}, context {}, prompt {} (80 % intervals; comfortable reading from 30 tokens/s, slow "
      "from 10)\n\n  {:<14} {:<8} {:>10} {:<16}  {:<18} {:>16}\n",
      first.hardware.name, first.context, first.prompt, "model", "type", "needs GiB", "verdict",
      "tokens/s", "first token");
  for (const Answered& answered : answers) {
    const fit::Question& q = answered.question;
    const fit::Answer& a = answered.answer;
    out += fmt::format("  {:<14} {:<8} {:>10} {:<16}  {:<18} {:>16}\n", q.model, q.type,
                       gib(a.need.total()), name(a.verdict),
                       runs(a) ? with_interval(a.tokens_per_s) : "-",
                       runs(a) ? format_duration({a.first_token_s.median}) : "-");
  }
  return out + "\n" + inputs(first);
}

std::string what_if_text(const Answered& before, const std::vector<std::string>& changes,
                         const std::vector<Answered>& after) {
  std::string out =
      fmt::format("{} {} on {}\n\n  {:<24} {:<20} {:>8}  {:<16}\n  {:<24} {:<20} {:>8}  {}\n",
                  before.question.model, before.question.type, before.question.hardware.name,
                  "what if", "tokens/s", "gain", "verdict", "as it is",
                  with_interval(before.answer.tokens_per_s), "", name(before.answer.verdict));
  for (std::size_t i = 0; i < after.size(); ++i) {
    const double gain = after[i].answer.tokens_per_s.median / before.answer.tokens_per_s.median - 1;
    out += fmt::format("  {:<24} {:<20} {:>+6.0f} %  {}\n", changes[i],
                       with_interval(after[i].answer.tokens_per_s), gain * 100,
                       name(after[i].answer.verdict));
  }
  return out;
}

std::string want_text(double tokens_per_s, const std::vector<fit::Candidate>& candidates) {
  if (candidates.empty()) {
    return fmt::format("No machine of the catalogue reaches {} tokens/s with it.\n",
                       format_count(tokens_per_s));
  }
  const fit::Question& first = candidates.front().machine;
  std::string out = fmt::format(
      "{} {}, context {}: machines that reach {} tokens/s, the least first\n\n"
      "  {:<46} {:>9} {:<18} {:<16} {}\n",
      first.model, first.type, first.context, format_count(tokens_per_s), "machine", "memory",
      "tokens/s (80 %)", "verdict", "reaches it");
  for (const fit::Candidate& candidate : candidates) {
    out += fmt::format("  {:<46} {:>9} {:<18} {:<16} {}\n", candidate.machine.hardware.name,
                       format_capacity({candidate.machine.memory_bytes}),
                       with_interval(candidate.answer.tokens_per_s), name(candidate.answer.verdict),
                       candidate.surely ? "surely" : "likely");
  }
  return out;
}

std::string recommend_text(const fit::Question& question,
                           const std::vector<fit::Recommendation>& recommendations) {
  std::string out = fmt::format("{} on {}\n\n", question.model, question.hardware.name);
  for (const fit::Recommendation& r : recommendations) {
    out += fmt::format("  {:<18} {:<8} ", r.use, r.type.empty() ? "-" : r.type);
    if (!r.type.empty()) {
      out += fmt::format("{} tokens/s, {}; ", with_interval(r.answer.tokens_per_s),
                         name(r.answer.verdict));
    }
    out += fmt::format("{}{}{}\n", r.why,
                       r.quality.empty() ? "" : "\n                              ", r.quality);
  }
  return out;
}

std::string compare_text(const std::vector<fit::Curve>& curves) {
  std::string out = "tokens/s over model size (80 % intervals; * spills, - does not fit)\n";
  for (const fit::Curve& curve : curves) {
    std::map<std::string, std::vector<const fit::CurvePoint*>> by_type;
    for (const fit::CurvePoint& point : curve.points) by_type[point.type].push_back(&point);
    out += fmt::format("\n{}, {}\n  {:<8}", curve.machine.hardware.name,
                       format_capacity({curve.machine.memory_bytes}), "");
    for (const fit::CurvePoint* point : by_type.begin()->second) {
      out += fmt::format(" {:>17}", point->shape);
    }
    out += '\n';
    for (const auto& [type, points] : by_type) {
      out += fmt::format("  {:<8}", type);
      for (const fit::CurvePoint* point : points) {
        const bool spills = point->answer.verdict == fit::Verdict::spills;
        out += fmt::format(" {:>17}",
                           runs(point->answer)
                               ? with_interval(point->answer.tokens_per_s) + (spills ? "*" : "")
                               : "-");
      }
      out += '\n';
    }
    for (const auto& spill : curve.spills) {
      out += fmt::format("  {} no longer fits from {:.1f} billion parameters\n", spill.type,
                         spill.billions);
    }
  }
  return out;
}

std::string validation_text(const fit::Published& published,
                            const std::vector<fit::JudgedRow>& rows) {
  std::string out;
  std::map<std::string, std::size_t> reasons;
  std::size_t predicted = 0;
  for (const fit::JudgedRow& row : rows) {
    if (row.predicted) {
      ++predicted;
    } else {
      ++reasons[row.reason.starts_with("row ") ? "a broken cell" : row.reason];
    }
  }
  out += fmt::format("{} rows, {} predicted\n", rows.size(), predicted);
  for (const auto& [reason, count] : reasons)
    out += fmt::format("  {:>5} not: {}\n", count, reason);
  for (const fit::BrokenCell& cell : published.broken) {
    out += fmt::format("  row {}, column '{}' is '{}': expected {}\n", cell.row, cell.column,
                       cell.value, cell.expected);
  }
  out += fmt::format("\n  {:<24} {:>6} {:>8} {:>8} {:>8} {:>16} {:>16}\n", "", "rows", "devices",
                     "median", "90th", "80 % covers", "95 % covers");
  const auto line = [&](const char* title, bool prefill, bool experts) {
    const fit::PhaseSummary s = fit::summarise(rows, prefill, experts);
    if (s.rows == 0) return;
    out += fmt::format(
        "  {:<24} {:>6} {:>8} {:>6.1f} % {:>6.1f} % {:>6.1f} +- {:.1f} % {:>6.1f} +- {:.1f} %\n",
        title, s.rows, s.devices, s.median_error * 100, s.p90_error * 100, s.coverage80 * 100,
        s.coverage80_error * 100, s.coverage95 * 100, s.coverage95_error * 100);
  };
  line("decode, dense", false, false);
  line("prefill, dense", true, false);
  line("decode, experts", false, true);
  line("prefill, experts", true, true);
  return out;
}

}  // namespace ceiling::cli
