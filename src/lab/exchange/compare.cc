#include "lab/exchange/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/units.h"
#include "lab/analysis/cell_trials.h"
#include "lab/statistics/significance.h"

namespace ceiling::lab {
namespace {

constexpr std::array kNames = {
    std::pair{Variable::model, "model"},     std::pair{Variable::lengths, "lengths"},
    std::pair{Variable::device, "device"},   std::pair{Variable::residency, "residency"},
    std::pair{Variable::engine, "engine"},   std::pair{Variable::threads, "threads"},
    std::pair{Variable::machine, "machine"},
};

// A cell that both runs measured, by id: this program's or another engine's.
struct Common {
  std::size_t a = 0, b = 0;  // indices into the plans' cells
  Estimate speed_a, speed_b;
  double bytes_a = 1, bytes_b = 1;  // a token
};

std::vector<Common> common_cells(const ReportData& a, const ReportData& b) {
  std::vector<Common> cells;
  const auto add = [&](const auto& in_a, const auto& all_b) {
    for (const auto& in_b : all_b) {
      if (a.plan.cells[in_a.cell].id != b.plan.cells[in_b.cell].id) continue;
      cells.push_back({in_a.cell, in_b.cell, in_a.tokens_per_s, in_b.tokens_per_s,
                       in_a.bytes_per_token, in_b.bytes_per_token});
    }
  };
  for (const CellFigures& figures : a.analysis.cells) add(figures, b.analysis.cells);
  for (const EngineFigures& figures : a.analysis.engines) add(figures, b.analysis.engines);
  return cells;
}

std::string hash_of(const ReportData& data, const std::string& cell) {
  for (const ModelFile& file : data.state.models) {
    if (file.cell == cell) return file.sha256;
  }
  return "unknown";
}

std::string lengths_of(const Cell& cell) {
  return fmt::format("prompt {}, {}-{} tokens, {} s", cell.prompt_tokens, cell.least_tokens,
                     cell.most_tokens, cell.most_decode_s);
}

const TrialResult& any_trial(const ReportData& data, std::size_t cell) {
  const auto found = std::find_if(data.state.trials.begin(), data.state.trials.end(),
                                  [&](const TrialRecord& trial) { return trial.cell == cell; });
  return found->result;
}

class Differences {
 public:
  explicit Differences(std::span<const Variable> declared) : declared_(declared) {}
  void note(Variable variable, std::string what, std::string a, std::string b) {
    if (a == b) return;
    const bool known =
        is_declared(variable) || (variable == Variable::threads && is_declared(Variable::machine));
    found_.push_back({variable, std::move(what), std::move(a), std::move(b), known});
  }
  std::vector<Confounder> take() { return std::move(found_); }

 private:
  bool is_declared(Variable variable) const {
    return std::find(declared_.begin(), declared_.end(), variable) != declared_.end();
  }
  std::span<const Variable> declared_;
  std::vector<Confounder> found_;
};

std::vector<double> logs(const CellTrials& trials, const CellTrials::Value& of) {
  std::vector<double> values;
  for (const double value : trials.values(of)) values.push_back(std::log(value));
  return values;
}

// Unpaired: the runs share no blocks. `of` gives what a block's value is made of.
Estimate ratio(const CellTrials& a, const CellTrials& b, const CellTrials::Value& of) {
  const std::vector<double> of_a = logs(a, of);
  const std::vector<double> of_b = logs(b, of);
  if (of_a.size() < 2 || of_b.size() < 2) {
    const double value = std::exp(mean(of_b) - mean(of_a));
    return {value, value, value, 1};
  }
  const Estimate e = welch_difference(of_b, of_a, 0.95);
  return {std::exp(e.value), std::exp(e.low), std::exp(e.high), e.n};
}

bool all_probed(const CellTrials& trials) {
  return std::all_of(trials.all().begin(), trials.all().end(),
                     [](const TrialRecord* trial) { return trial->result.probed(); });
}

ComparedCell compared(const ReportData& a, const ReportData& b, const Common& common) {
  const CellTrials of_a(a.state, common.a);
  const CellTrials of_b(b.state, common.b);
  ComparedCell cell;
  cell.a = common.a;
  cell.b = common.b;
  cell.speed_a = common.speed_a;
  cell.speed_b = common.speed_b;
  const auto speed = [](const TrialResult& t) { return t.tokens_per_s(); };
  cell.speed = ratio(of_a, of_b, speed);
  if (cell.speed.n > 1) cell.p = welch_test(logs(of_a, speed), logs(of_b, speed));
  cell.bytes = common.bytes_b / common.bytes_a;
  if (all_probed(of_a) && all_probed(of_b)) {
    cell.memory = ratio(of_a, of_b, [](const TrialResult& t) { return t.probe_bytes_per_s(); });
    cell.share = ratio(of_a, of_b, [](const TrialResult& t) { return t.share(); });
  } else {
    cell.memory = cell.share = {NAN, NAN, NAN, 0};
  }
  return cell;
}

}  // namespace

std::string_view name(Variable variable) {
  for (const auto& [known, text] : kNames) {
    if (known == variable) return text;
  }
  return "";
}

Variable variable_named(std::string_view text) {
  std::string names;
  for (const auto& [variable, known] : kNames) {
    if (text == known) return variable;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  fail(ExitCode::usage, "--vary {}: expected one of {}", text, names);
}

std::vector<Confounder> differences(const ReportData& a, const ReportData& b,
                                    std::span<const Variable> declared) {
  Differences found(declared);
  for (const Common& common : common_cells(a, b)) {
    const Cell& cell_a = a.plan.cells[common.a];
    const Cell& cell_b = b.plan.cells[common.b];
    const TrialResult& trial_a = any_trial(a, common.a);
    const TrialResult& trial_b = any_trial(b, common.b);
    const auto of = [&](std::string_view what) { return fmt::format("{}: {}", cell_a.id, what); };
    found.note(Variable::model, of("SHA-256 of the file"), hash_of(a, cell_a.id),
               hash_of(b, cell_b.id));
    found.note(Variable::lengths, of("lengths"), lengths_of(cell_a), lengths_of(cell_b));
    found.note(Variable::threads, of("threads"), std::to_string(cell_a.threads),
               std::to_string(cell_b.threads));
    found.note(Variable::device, of("device"), cell_a.device, cell_b.device);
    found.note(Variable::residency, of("residency of the weights"), trial_a.residency,
               trial_b.residency);
    found.note(Variable::engine, of("engine"), trial_a.engine, trial_b.engine);
  }
  found.note(Variable::engine, "program", a.state.program_sha256, b.state.program_sha256);
  found.note(Variable::machine, "processor", a.plan.machine.cpu, b.plan.machine.cpu);
  found.note(Variable::machine, "memory", format_capacity({a.plan.machine.memory_bytes}),
             format_capacity({b.plan.machine.memory_bytes}));
  found.note(Variable::machine, "system", a.os + ", " + a.kernel, b.os + ", " + b.kernel);
  found.note(Variable::machine, "power profile", a.power_profile, b.power_profile);
  return found.take();
}

Comparison compare(const ReportData& a, const ReportData& b, std::span<const Variable> declared) {
  const auto cells = common_cells(a, b);
  if (cells.empty()) {
    fail(
        ExitCode::refused,
        "not comparable: the runs have no cell in common; run one plan on both (ceiling lab --plan "
        "DIR/plan.json)");
  }
  Comparison comparison;
  comparison.differences = differences(a, b, declared);
  std::string undeclared;
  for (const Confounder& c : comparison.differences) {
    if (c.declared) continue;
    undeclared += fmt::format("\n  {} ({} against {}): declare it with --vary {}", c.what,
                              c.a.empty() ? "not shown" : c.a.substr(0, 60),
                              c.b.empty() ? "not shown" : c.b.substr(0, 60), name(c.variable));
  }
  if (!undeclared.empty()) {
    fail(ExitCode::refused, "not comparable: these differ and were not declared:{}", undeclared);
  }
  std::vector<double> p_values;
  for (const Common& common : cells) {
    comparison.cells.push_back(compared(a, b, common));
    p_values.push_back(comparison.cells.back().p);
  }
  const std::vector<double> adjusted = holm_adjusted(p_values);
  for (std::size_t i = 0; i < adjusted.size(); ++i) comparison.cells[i].p = adjusted[i];
  return comparison;
}

std::string explanation(const ReportData& a, const ComparedCell& cell) {
  const std::string title = a.plan.cells[cell.a].title();
  std::string bytes;
  if (std::abs(cell.bytes - 1) > 0.005)
    bytes = fmt::format(", reads {} times the bytes", shown(cell.bytes));
  const char* synthetic =
      a.plan.cells[cell.a].synthetic() ? " (synthetic weights: speed only)" : "";
  if (cell.share.n == 0) {
    return fmt::format("{}: {} times as fast{}; its memory was not read, so nothing explains it{}",
                       title, shown(cell.speed), bytes, synthetic);
  }
  return fmt::format(
      "{}: {} times as fast: its memory reads {} times as fast, its share of the ceiling is {} "
      "times "
      "as large{}{}",
      title, shown(cell.speed), shown(cell.memory), shown(cell.share), bytes, synthetic);
}

}  // namespace ceiling::lab
