#include "lab/planning/planner.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/units.h"
#include "fit/decode_prediction.h"
#include "lab/planning/device_cells.h"
#include "lab/planning/device_prediction.h"
#include "lab/planning/hypotheses.h"
#include "lab/planning/model_choice.h"
#include "lab/planning/models.h"
#include "os/ballast.h"
#include "os/cpu.h"
#include "os/files.h"
#include "os/memory.h"
#include "os/memory_group.h"
#include "probe/machine.h"
#include "probe/measure.h"

namespace ceiling::lab {
namespace {

constexpr double kQuickLimitS = 8 * 60;
constexpr double kStandardLimitS = 60 * 60;
// An estimate is a median: a plan must keep its limit on a machine that turns out this much slower.
// The standard labs of docs/results/lab-standard.md took 0.77 and 0.89 of it, repeated trials
// included.
constexpr double kSlower = 1.15;
constexpr double kReadFromDiskPerS = 0.6e9;

double bytes_to_make(const Plan& plan) {
  double bytes = 0;
  std::set<std::string> paths;
  for (const Cell& cell : plan.cells) {
    const std::string path = model_path(cell);
    if (cell.synthetic() && paths.insert(path).second && !std::filesystem::exists(path)) {
      bytes += static_cast<double>(cell_program(cell).weight_bytes());
    }
  }
  return bytes;
}

// Making what is missing, hashing all files, then every trial.
double estimate_run_s(const Plan& plan) {
  constexpr double kMadePerS = 400e6;
  constexpr double kHashedPerS = 1.2e9;
  double seconds = bytes_to_make(plan) / kMadePerS;
  double all_bytes = 0;
  std::vector<double> bytes, trial_s;
  std::set<std::string> paths;  // cells may share a file
  for (const Cell& cell : plan.cells) {
    bytes.push_back(static_cast<double>(cell_program(cell).weight_bytes()));
    trial_s.push_back(estimate_trial_s(cell, plan.machine));
    if (!paths.insert(model_path(cell)).second) continue;
    all_bytes += bytes.back();
    seconds += 2 * bytes.back() / kHashedPerS;  // before the first trial and after the last
  }
  // Models that do not fit the page cache together push each other out.
  const bool cached = all_bytes < 0.8 * static_cast<double>(plan.machine.memory_bytes);
  for (const auto& block : plan.schedule()) {
    for (const std::size_t cell : block) {
      const bool from_disk = !cached && plan.cells[cell].work != Work::cold_load &&
                             plan.cells[cell].work != Work::fill;
      seconds += trial_s[cell] + (from_disk ? bytes[cell] / kReadFromDiskPerS : 0);
    }
  }
  return seconds;
}

fit::DecodePrediction predict_cell(const Cell& cell, const PlanMachine& machine) {
  const Program program = cell_program(cell);
  if (const PlanDevice* device = machine.find(cell.device)) {
    return predict_device_decode(program, cell.prompt_tokens, cell.most_tokens, *device);
  }
  return fit::predict_decode(program, cell.prompt_tokens, cell.most_tokens, rates_of(machine));
}

void predict(Plan& plan) {
  std::erase_if(plan.predictions, [](const CellPrediction& p) { return p.by == "program"; });
  for (const Cell& cell : plan.cells) {
    if (cell.work != Work::decode || !cell.own() || plan.design.is_overhead_type(cell.id)) continue;
    const auto p = predict_cell(cell, plan.machine);
    plan.predictions.push_back({cell.id, "program", p.tokens_per_s.median, p.tokens_per_s.p80,
                                p.tokens_per_s.p95, p.share});
  }
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
    if (!cell.on_cpu() && !plan.exclusions.device) plan.exclusions.device.emplace();
  }
}

}  // namespace

fit::MachineRates rates_of(const PlanMachine& machine) {
  return {.read = {machine.read_gb_per_s * 1e9},
          .int8_operations_per_s = machine.int8_gop_per_s * 1e9,
          .threads = machine.threads,
          .calibration = machine.learned ? machine.learned->calibration : fit::Calibration{}};
}

PlanMachine describe_machine() {
  const probe::Machine described = probe::describe_machine();
  PlanMachine machine;
  machine.cpu = probe::one_line(described);
  machine.system = described.system.os;
  machine.threads = os::default_threads();
  machine.memory_bytes = described.memory.total.value;
  return machine;
}

PlanMachine measure_machine() {
  PlanMachine machine = describe_machine();
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

Resources find_resources(bool ballast_allowed) {
  const os::MemoryInfo memory = os::memory_info();
  Resources resources;
  resources.memory_bytes = memory.total.value;
  resources.available_bytes = memory.available.value;
  std::filesystem::create_directories(os::models_directory());
  resources.disk_bytes = os::free_space(os::models_directory()).value;
  resources.group_obstacle = os::memory_group_obstacle();
  resources.ballast_obstacle =
      ballast_allowed
          ? os::ballast_obstacle(memory.available)
          : "with --ballast the lab locks memory instead, which presses every program on this "
            "machine (nothing is swapped out, and a floor is left)";
  resources.default_model = std::filesystem::exists(model_path(default_cell()));
  return resources;
}

namespace {

// A repeat of the arithmetic costs about a third of a token's time where memory sets it.
double treated_cycle_s(const Cell& cell, double token_s) {
  constexpr double kRepeat = 0.35;
  double seconds = 0;
  for (const Treatment& t : cell.treatments) {
    seconds += token_s *
               std::max({1.0 + t.bytes, kRepeat * (1 + t.arithmetic), kRepeat * t.sequences, 1.0});
  }
  return seconds;
}

}  // namespace

namespace {

// What a trial on an H100 took beside its tokens: the driver's start, the copy of the weights
// (pinning sets its rate), kernels loaded by a first prompt.
double estimate_device_trial_s(const Cell& cell, const PlanDevice& device) {
  constexpr double kStart = 1.2;
  constexpr double kCopiedPerS = 10e9;
  constexpr double kCpuReadsPerS = 60e9;  // of what does not fit
  const Program program = cell_program(cell);
  const auto bytes = static_cast<double>(program.weight_bytes());
  const double token_s =
      1 / predict_device_decode(program, cell.prompt_tokens, cell.most_tokens, device)
              .tokens_per_s.median;
  double held = bytes;
  if (cell.limit_bytes > 0) {
    held = static_cast<double>(cell.limit_bytes);
  } else if (cell.work == Work::fill) {
    held = bytes / cell.fill;
  }
  const double spilled_s = std::max(bytes - held, 0.0) / kCpuReadsPerS;
  const double step_s = token_s + spilled_s;
  const double decode_s =
      std::clamp(cell.most_decode_s, cell.least_tokens * step_s, cell.most_tokens * step_s);
  return kStart + bytes / kCopiedPerS + decode_s;
}

}  // namespace

double estimate_trial_s(const Cell& cell, const PlanMachine& machine) {
  constexpr double kStart = 0.5;          // a process, the probe's choice of kernel, the snapshots
  constexpr double kTouchedPerS = 8e9;    // pages that are cached, mapped twice
  constexpr double kProbeOverhead = 1.3;  // slices between tokens
  constexpr double kProfiledTokens = 4;
  if (const PlanDevice* device = machine.find(cell.device)) {
    return estimate_device_trial_s(cell, *device);
  }
  const Program program = cell_program(cell);
  const fit::MachineRates rates = rates_of(machine);
  const auto p = fit::predict_decode(program, cell.prompt_tokens, cell.most_tokens, rates);
  const double token_s = 1 / p.tokens_per_s.median;
  double decode_s =
      std::clamp(cell.most_decode_s, cell.least_tokens * token_s, cell.most_tokens * token_s);
  if (cell.work == Work::treatments) {
    // A cycle is begun before the time is over, and one is thrown away before the first.
    const double cycle_s = treated_cycle_s(cell, token_s);
    constexpr double kLeastCycles = 4;
    constexpr double kAddedMemoryS = 1;
    decode_s +=
        std::max(cell.most_decode_s + cycle_s, kLeastCycles * cycle_s) + cycle_s + kAddedMemoryS;
  }
  const auto bytes = static_cast<double>(program.weight_bytes());
  const bool evicted = cell.work == Work::cold_load || cell.work == Work::fill;
  double ready_s = bytes / (evicted ? kReadFromDiskPerS : kTouchedPerS);
  if (cell.fill_by == FillBy::ballast) {
    constexpr double kLockedPerS = 3e9;  // pages are found and zeroed
    ready_s += static_cast<double>(machine.memory_bytes) / kLockedPerS;
  }
  if (cell.work == Work::fill && cell.fill > 1) {
    decode_s = std::max(cell.most_decode_s, cell.least_tokens * bytes / kReadFromDiskPerS);
  }
  const double prefill_s = fit::estimate_prefill(program, cell.prompt_tokens, rates).value;
  if (!cell.own()) {
    // Two processes, each with a pass to warm up, and the memory read before and after.
    constexpr double kReadings = 1;
    constexpr double kPasses = 4;
    return 2 * kStart + ready_s + kReadings + kPasses * prefill_s + 1.5 * decode_s;
  }
  return kStart + ready_s + prefill_s + decode_s * kProbeOverhead + kProfiledTokens * token_s;
}

namespace {

struct KindRules {
  std::string name;
  std::size_t blocks, least_blocks;
  double limit_s;
  std::vector<std::string_view> largest;  // sizes to try as the largest, in order
  std::function<void(const Resources&, std::string_view most, Plan&)> choose;
};

KindRules rules_of(Kind kind) {
  if (kind == Kind::quick) {
    return {"quick", 5, 5, kQuickLimitS, {"7B", "3B", "none"}, &choose_quick};
  }
  return {"standard", 10, 5, kStandardLimitS, standard_sizes(), &choose_standard};
}

// The same on devices: the CPU's cells once more, or cells of the first device's own.
KindRules rules_of(Kind kind, const PlanMachine& machine, const std::vector<std::string>& names) {
  KindRules rules = rules_of(kind);
  std::vector<PlanDevice> devices;
  for (const std::string& name : names) {
    if (name != kCpu) devices.push_back(*machine.find(name));
  }
  const bool on_cpu = devices.size() < names.size();
  if (!on_cpu) {
    rules.largest = device_sizes(kind);
    rules.choose = [kind, device = devices.front()](const Resources& resources,
                                                    std::string_view most, Plan& plan) {
      choose_device(kind, resources, device, most, plan);
    };
    return rules;
  }
  rules.choose = [cpu = rules.choose, devices](const Resources& resources, std::string_view most,
                                               Plan& plan) {
    cpu(resources, most, plan);
    for (const PlanDevice& device : devices) repeat_on_device(device, plan);
  };
  return rules;
}

// Fewer blocks, as far as the rules go, while the time would not be kept. Whether it is then.
bool keep_limit(const KindRules& rules, Plan& plan) {
  plan.estimate_s = estimate_run_s(plan);
  while (kSlower * plan.estimate_s > rules.limit_s && plan.blocks > rules.least_blocks) {
    --plan.blocks;
    plan.estimate_s = estimate_run_s(plan);
  }
  return kSlower * plan.estimate_s <= rules.limit_s;
}

// The plan with the largest models that keep the time, and what that left out.
void choose_models(const KindRules& rules, const PlanMachine& machine, const Resources& resources,
                   const std::vector<EngineWish>& engines, bool limited, Plan& plan) {
  std::vector<LeftOut> too_slow;
  for (const std::string_view most : rules.largest) {
    plan.cells.clear();
    plan.left_out.clear();
    plan.design = {};
    plan.blocks = rules.blocks;
    rules.choose(resources, most, plan);
    if (plan.cells.empty()) break;
    add_engine_cells(plan, engines);
    stamp(plan, machine);
    if (keep_limit(rules, plan) || !limited) break;
    const auto largest = std::find_if(plan.cells.begin(), plan.cells.end(),
                                      [&](const Cell& cell) { return cell.size == most; });
    if (largest == plan.cells.end() || most == rules.largest.back()) continue;
    too_slow.push_back({largest->title(), fmt::format("with it the lab could take {}, more than {}",
                                                      format_duration({kSlower * plan.estimate_s}),
                                                      format_duration({rules.limit_s}))});
  }
  plan.left_out.insert(plan.left_out.end(), too_slow.begin(), too_slow.end());
}

}  // namespace

namespace {

// Why no cell of the plan fills memory, if none does.
std::string fill_obstacle(const Plan& plan, const Resources& resources) {
  if (plan.devices().front() != kCpu && !plan.design.empty()) {
    const PlanDevice* device = plan.machine.find(plan.tested_device());
    if (device != nullptr && device->memory_bytes == 0) {
      return "the device reads the host's memory: no budget limits it";
    }
    return "no model fits that fills the device's memory";
  }
  if (resources.group_obstacle.empty() || resources.ballast_obstacle.empty()) {
    return "no model fits that fills memory";
  }
  return resources.group_obstacle + "; " + resources.ballast_obstacle;
}

}  // namespace

Plan make_plan(Kind kind, const PlanMachine& machine, const Resources& resources,
               std::uint64_t seed, std::optional<std::size_t> blocks,
               const std::vector<EngineWish>& engines, const std::vector<std::string>& devices) {
  KindRules rules = rules_of(kind, machine, devices);
  if (blocks) rules.blocks = rules.least_blocks = *blocks;
  Plan plan;
  plan.kind = rules.name;
  plan.seed = seed;
  choose_models(rules, machine, resources, engines, !blocks, plan);
  if (plan.cells.empty()) {
    fail(ExitCode::failed, "no model fits this machine: {} {}", plan.left_out.back().what,
         plan.left_out.back().why);
  }
  plan.hypotheses = hypotheses(plan, fill_obstacle(plan, resources));
  predict(plan);
  return plan;
}

Plan adopt_plan(Plan plan, const PlanMachine& machine, const std::vector<EngineWish>& engines) {
  plan.predictions.clear();
  add_engine_cells(plan, engines);
  if (plan.hypotheses.empty()) plan.hypotheses = hypotheses(plan);
  stamp(plan, machine);
  plan.estimate_s = estimate_run_s(plan);
  predict(plan);
  return plan;
}

void allow_extensions(Plan& plan) {
  if (plan.design.same.empty()) {
    fail(ExitCode::usage,
         "--extend needs a plan with one cell under two labels (design.same): the standard lab has "
         "one");
  }
  plan.extensions = {2 * plan.blocks, 3 * plan.blocks};
}

}  // namespace ceiling::lab
