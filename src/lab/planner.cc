#include "lab/planner.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/units.h"
#include "fit/decode_prediction.h"
#include "lab/hypotheses.h"
#include "lab/models.h"
#include "os/cpu.h"
#include "os/files.h"
#include "os/memory.h"
#include "probe/machine.h"
#include "probe/measure.h"

namespace ceiling::lab {
namespace {

constexpr const char* kDefaultModel = "SmolLM2-135M-Instruct.Q4_1.gguf";
constexpr double kQuickLimitS = 8 * 60;
constexpr double kStandardLimitS = 60 * 60;
constexpr std::uint64_t kSpareBytes = std::uint64_t{1} << 30;  // beside a model, memory and disk
constexpr std::uint64_t kLeastMemoryFor7B = 7'450'000'000;     // "8 GB", less what firmware keeps

Cell default_cell() {
  Cell cell;
  cell.id = "SmolLM2-135M";
  cell.size = "135M";
  cell.type = "Q4_1";
  cell.model = FileModel{kDefaultModel};
  return cell;
}

Cell synthetic_cell(const std::string& shape, const std::string& recipe) {
  Cell cell;
  cell.id = shape + "-" + recipe;
  cell.size = shape;
  cell.type = recipe;
  cell.model = SyntheticModel{shape, recipe};
  return cell;
}

fit::MachineRates rates_of(const PlanMachine& machine) {
  return {{machine.read_gb_per_s * 1e9}, machine.int8_gop_per_s * 1e9, machine.threads};
}

// Takes models one after another while memory and disk last.
class ModelChoice {
 public:
  explicit ModelChoice(const Resources& resources) : resources_(resources) {}

  // Why it cannot be measured here; empty: it can.
  std::string obstacle(const Cell& cell) const {
    const std::uint64_t bytes = cell_program(cell).weight_bytes();
    if (bytes + kSpareBytes > resources_.available_bytes) {
      return fmt::format("needs {} of memory, {} are available",
                         format_capacity({bytes + kSpareBytes}),
                         format_capacity({resources_.available_bytes}));
    }
    if (!std::filesystem::exists(model_path(cell)) &&
        bytes + kSpareBytes + taken_ > resources_.disk_bytes) {
      return fmt::format("needs {} of disk for its weights, {} are free",
                         format_capacity({bytes + kSpareBytes + taken_}),
                         format_capacity({resources_.disk_bytes}));
    }
    return {};
  }

  bool take(const Cell& cell, Plan& plan, bool note_obstacle) {
    const std::string why = obstacle(cell);
    if (why.empty()) {
      if (!std::filesystem::exists(model_path(cell))) taken_ += cell_program(cell).weight_bytes();
      plan.cells.push_back(cell);
      return true;
    }
    if (note_obstacle) plan.left_out.push_back({cell.title(), why});
    return false;
  }

 private:
  const Resources& resources_;
  std::uint64_t taken_ = 0;
};

void choose_default(const Resources& resources, Plan& plan) {
  if (resources.default_model) {
    plan.cells.push_back(default_cell());
  } else {
    plan.left_out.push_back(
        {"SmolLM2-135M, real weights", "its file is not here (./run fetch gets it)"});
  }
}

void choose_quick(const Resources& resources, Plan& plan) {
  ModelChoice choice(resources);
  choose_default(resources, plan);
  choice.take(synthetic_cell("1B", "Q4_K_M"), plan, true);
  choice.take(synthetic_cell("1B", "Q8_0"), plan, true);
  const Cell largest = synthetic_cell("7B", "Q4_K_M");
  if (resources.memory_bytes < kLeastMemoryFor7B) {
    plan.left_out.push_back(
        {largest.title(), fmt::format("needs 8 GB of memory, this machine has {}",
                                      format_capacity({resources.memory_bytes}))});
  } else if (choice.take(largest, plan, true)) {
    return;
  }
  for (const char* smaller : {"3B", "0.5B"}) {
    if (choice.take(synthetic_cell(smaller, "Q4_K_M"), plan, true)) return;
  }
}

void choose_standard(const Resources& resources, Plan& plan) {
  ModelChoice choice(resources);
  choose_default(resources, plan);
  std::size_t taken = 0;
  for (const char* size : {"32B", "13B", "7B", "3B", "1B", "0.5B"}) {
    if (taken < 3) taken += choice.take(synthetic_cell(size, "Q4_K_M"), plan, true) ? 1 : 0;
  }
}

double bytes_to_make(const Plan& plan) {
  double bytes = 0;
  for (const Cell& cell : plan.cells) {
    if (cell.synthetic() && !std::filesystem::exists(model_path(cell))) {
      bytes += static_cast<double>(cell_program(cell).weight_bytes());
    }
  }
  return bytes;
}

// Making what is missing, hashing all files, then every trial.
double estimate_run_s(const Plan& plan) {
  constexpr double kMadePerS = 400e6;
  constexpr double kHashedPerS = 1.2e9;
  constexpr double kReadFromDiskPerS = 1e9;
  double seconds = bytes_to_make(plan) / kMadePerS;
  double all_bytes = 0;
  std::vector<double> bytes, trial_s;
  for (const Cell& cell : plan.cells) {
    bytes.push_back(static_cast<double>(cell_program(cell).weight_bytes()));
    trial_s.push_back(estimate_trial_s(cell, plan.machine));
    all_bytes += bytes.back();
    seconds += bytes.back() / kHashedPerS;
  }
  // Models that do not fit the page cache together push each other out.
  const bool cached = all_bytes < 0.8 * static_cast<double>(plan.machine.memory_bytes);
  for (const auto& block : plan.schedule()) {
    for (const std::size_t cell : block) {
      seconds += trial_s[cell] + (cached ? 0 : bytes[cell] / kReadFromDiskPerS);
    }
  }
  return seconds;
}

void predict(Plan& plan) {
  std::erase_if(plan.predictions, [](const CellPrediction& p) { return p.by == "program"; });
  for (const Cell& cell : plan.cells) {
    const auto p = fit::predict_decode(cell_program(cell), cell.prompt_tokens, cell.most_tokens,
                                       rates_of(plan.machine));
    plan.predictions.push_back({cell.id, "program", p.tokens_per_s.median, p.tokens_per_s.p80,
                                p.tokens_per_s.p95, p.share});
  }
}

// Without the limit being kept, fewer blocks; never below five.
void keep_limit(Plan& plan, double limit_s) {
  constexpr std::size_t kLeastBlocks = 5;
  plan.estimate_s = estimate_run_s(plan);
  while (plan.estimate_s > limit_s && plan.blocks > kLeastBlocks) {
    --plan.blocks;
    plan.estimate_s = estimate_run_s(plan);
  }
}

// A machine so slow that the largest model breaks the limit measures a smaller one instead.
void keep_quick_limit(Plan& plan, const Resources& resources) {
  if (plan.estimate_s <= kQuickLimitS || plan.cells.back().size != "7B") return;
  const Cell largest = plan.cells.back();
  plan.left_out.push_back({largest.title(), fmt::format("the lab would take {}, more than {}",
                                                        format_duration({plan.estimate_s}),
                                                        format_duration({kQuickLimitS}))});
  plan.cells.pop_back();
  ModelChoice(resources).take(synthetic_cell("3B", "Q4_K_M"), plan, true);
  plan.estimate_s = estimate_run_s(plan);
}

std::string now_text() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

void stamp(Plan& plan, const PlanMachine& machine) {
  plan.created = now_text();
  plan.program_version = CEILING_VERSION;
  plan.machine = machine;
  for (Cell& cell : plan.cells) {
    if (cell.threads == 0) cell.threads = machine.threads;
  }
}

}  // namespace

PlanMachine measure_machine() {
  const probe::Machine described = probe::describe_machine();
  PlanMachine machine;
  machine.cpu = probe::one_line(described);
  machine.system = described.system.os;
  machine.threads = os::default_threads();
  machine.memory_bytes = described.memory.total.value;
  const os::AnonymousMemory memory =
      probe::filled_memory(probe::sufficient_region(), machine.threads);
  const probe::BandwidthReading reading =
      probe::measure_bandwidth({memory.data(), memory.size()}, machine.threads, {1.5});
  machine.read_gb_per_s = reading.gb_per_s.median();
  machine.read_gb_per_s_range = {reading.gb_per_s.quantile(0.05), reading.gb_per_s.quantile(0.95)};
  for (const probe::ComputeReading& compute : probe::measure_compute(machine.threads, {0.2})) {
    const double rate = compute.gop_per_s.median();
    if (compute.arithmetic == probe::Arithmetic::f32) machine.fma_gflop_per_s = rate;
    if (compute.arithmetic == probe::Arithmetic::int8) machine.int8_gop_per_s = rate;
  }
  return machine;
}

Resources find_resources() {
  const os::MemoryInfo memory = os::memory_info();
  Resources resources;
  resources.memory_bytes = memory.total.value;
  resources.available_bytes = memory.available.value;
  std::filesystem::create_directories(os::models_directory());
  resources.disk_bytes = os::free_space(os::models_directory()).value;
  resources.default_model = std::filesystem::exists(model_path(default_cell()));
  return resources;
}

double estimate_trial_s(const Cell& cell, const PlanMachine& machine) {
  constexpr double kStart = 0.5;          // a process, the probe's choice of kernel, the snapshots
  constexpr double kTouchedPerS = 8e9;    // pages that are cached, mapped twice
  constexpr double kProbeOverhead = 1.3;  // slices between tokens
  constexpr double kProfiledTokens = 4;
  const Program program = cell_program(cell);
  const fit::MachineRates rates = rates_of(machine);
  const auto p = fit::predict_decode(program, cell.prompt_tokens, cell.most_tokens, rates);
  const double token_s = 1 / p.tokens_per_s.median;
  const double decode_s =
      std::clamp(cell.most_decode_s, cell.least_tokens * token_s, cell.most_tokens * token_s);
  return kStart + static_cast<double>(program.weight_bytes()) / kTouchedPerS +
         fit::estimate_prefill(program, cell.prompt_tokens, rates).value +
         decode_s * kProbeOverhead + kProfiledTokens * token_s;
}

Plan make_plan(Kind kind, const PlanMachine& machine, const Resources& resources,
               std::uint64_t seed, std::optional<std::size_t> blocks) {
  Plan plan;
  plan.kind = kind == Kind::quick ? "quick" : "standard";
  plan.seed = seed;
  plan.blocks = blocks.value_or(kind == Kind::quick ? 5 : 10);
  if (kind == Kind::quick) {
    choose_quick(resources, plan);
  } else {
    choose_standard(resources, plan);
  }
  if (plan.cells.empty()) {
    fail(ExitCode::failed, "no model fits this machine: {} {}", plan.left_out.back().what,
         plan.left_out.back().why);
  }
  plan.hypotheses = untested_hypotheses();
  stamp(plan, machine);
  plan.estimate_s = estimate_run_s(plan);
  if (!blocks && kind == Kind::standard) keep_limit(plan, kStandardLimitS);
  if (!blocks && kind == Kind::quick) keep_quick_limit(plan, resources);
  stamp(plan, machine);
  predict(plan);
  return plan;
}

Plan adopt_plan(Plan plan, const PlanMachine& machine) {
  plan.predictions.clear();
  if (plan.hypotheses.empty()) plan.hypotheses = untested_hypotheses();
  stamp(plan, machine);
  plan.estimate_s = estimate_run_s(plan);
  predict(plan);
  return plan;
}

}  // namespace ceiling::lab
