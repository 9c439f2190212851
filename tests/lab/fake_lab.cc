#include "lab/fake_lab.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "lab/planning/hypotheses.h"
#include "lab/planning/hypothesis_cells.h"
#include "lab/protocol/protocol.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

// The tests make their own models, whatever this machine's folder of models holds.
class EmptyModels : public ::testing::Environment {
 public:
  void SetUp() override {
    const std::string folder = ::testing::TempDir() + "models_of_tests";
    setenv("CEILING_MODELS", folder.c_str(), 0);
  }
};
const auto* const kEmptyModels = ::testing::AddGlobalTestEnvironment(new EmptyModels);

constexpr double kMemory = 30e9;

Cell cell_of(const std::string& id, const std::string& size, const std::string& type) {
  Cell cell;
  cell.id = id;
  cell.size = size;
  cell.type = type;
  cell.threads = 2;
  const std::string path = ::testing::TempDir() + "fake_model_" + id;
  os::write_file(path, "weights of " + id);
  cell.model = FileModel{path};
  return cell;
}

double bytes_of(const Cell& cell) {
  if (cell.size == "7B") return 4.0e9;
  if (cell.size == "nothing") {
    if (cell.type == "F16") return 1.0e6;
    if (cell.type == "Q8_0") return 0.6e6;
    return cell.type == "Q5_0" ? 0.45e6 : 0.37e6;
  }
  if (cell.type == "F16") return 2.4e9;
  if (cell.type == "Q6_K") return 1.0e9;
  if (cell.type == "Q5_K_M") return 0.85e9;
  return cell.type == "Q8_0" ? 1.3e9 : 0.7e9;
}

Cell treated_cell(const std::string& id, std::vector<Treatment> treatments) {
  Cell cell = cell_of(id, "1B", "Q4_K_M");
  cell.work = Work::treatments;
  cell.treatments = std::move(treatments);
  return cell;
}

// Steps of a machine whose time is a power of what is dilated; beyond the local doses every further
// byte takes `byte_s`.
std::vector<TreatedStep> treated_steps(const Cell& cell, const LocalSlopes& slopes, double base_s,
                                       double byte_s) {
  std::vector<TreatedStep> steps;
  for (std::uint32_t cycle = 0; cycle < 5; ++cycle) {
    for (std::uint32_t i = 0; i < cell.treatments.size(); ++i) {
      const Treatment& t = cell.treatments[i];
      const double bytes = bytes_of(cell);
      const double local = std::min(t.bytes, kLargestLocalDose);
      const double seconds = base_s * std::pow(1 + local, slopes.bandwidth) *
                                 std::pow(1 + t.cached_bytes, slopes.placebo) *
                                 std::pow(1 + t.arithmetic, slopes.compute) *
                                 (1 + 0.1 * t.sequences) +
                             (t.bytes - local) * bytes * byte_s;
      steps.push_back({i, cycle, seconds, static_cast<std::uint64_t>(bytes),
                       static_cast<std::uint64_t>(t.bytes * bytes)});
    }
  }
  return steps;
}

CellPrediction prediction(const std::string& cell, const std::string& by, double median) {
  CellPrediction p;
  p.cell = cell;
  p.by = by;
  p.median = median;
  if (by == "program") {
    p.p80 = {median * 0.85, median * 1.15};
    p.p95 = {median * 0.75, median * 1.3};
    p.share = fit::Prediction{0.8, {0.7, 0.9}, {0.6, 1.0}};
  }
  return p;
}

}  // namespace

Plan fake_plan(std::size_t blocks) {
  Plan plan;
  plan.kind = "quick";
  plan.created = "2026-01-02T03:04:05Z";
  plan.program_version = "0.1.0";
  plan.machine = {"Test CPU", "Test OS", 2, 16ULL << 30, 30, {28, 32}, 200, 900, {}, {}};
  plan.seed = 7;
  plan.blocks = blocks;
  plan.cells = {cell_of("1B-Q4_K_M", "1B", "Q4_K_M"), cell_of("1B-Q8_0", "1B", "Q8_0"),
                cell_of("7B-Q4_K_M", "7B", "Q4_K_M")};
  plan.predictions = {prediction("1B-Q4_K_M", "program", 34), prediction("7B-Q4_K_M", "program", 6),
                      prediction("7B-Q4_K_M", "user", 9.5)};
  plan.hypotheses = hypotheses(plan);
  plan.left_out = {{"32B at Q4_K_M", "needs 20 GiB of memory, 12 GiB are available"}};
  plan.estimate_s = 100;
  return plan;
}

Plan hypothesis_plan(std::size_t blocks) {
  Plan plan = fake_plan(blocks);
  plan.kind = "standard";
  for (const char* type : {"Q5_K_M", "Q6_K", "F16"}) {
    plan.cells.push_back(cell_of(std::string("1B-") + type, "1B", type));
  }
  plan.cells.push_back(cell_of("1B-Q4_K_M-twin", "1B", "Q4_K_M"));
  plan.cells.push_back(treated_cell("treated", all_treatments()));
  plan.cells.push_back(treated_cell("x8", local_treatments(7)));
  plan.cells.push_back(treated_cell("nothing", local_treatments()));
  plan.design.types = {"1B-Q4_K_M", "1B-Q5_K_M", "1B-Q6_K", "1B-Q8_0", "1B-F16"};
  plan.design.same = {"1B-Q4_K_M", "1B-Q4_K_M-twin"};
  plan.design.treated = "treated";
  plan.design.compute_control = "x8";
  plan.design.overhead_control = "nothing";
  for (const double fill : {0.85, 0.9, 0.95, 1.0, 1.1}) {
    Cell cell = cell_of("fill-" + std::to_string(std::lround(100 * fill)), "1B", "Q4_K_M");
    cell.work = Work::fill;
    cell.fill = fill;
    plan.design.fills.push_back(cell.id);
    plan.cells.push_back(cell);
  }
  plan.hypotheses = hypotheses(plan);
  return plan;
}

Plan device_plan(std::size_t blocks) {
  Plan plan = fake_plan(blocks);
  plan.machine.devices = {{"cuda", "Test GPU", 80ULL << 30, 3000, {2900, 3100}, 55}};
  plan.exclusions.device.emplace();
  const std::vector<Cell> cells = plan.cells;
  for (Cell cell : cells) {
    cell.id += "-cuda";
    cell.device = "cuda";
    plan.cells.push_back(cell);
  }
  plan.hypotheses = hypotheses(plan);
  return plan;
}

Plan device_hypothesis_plan(std::size_t blocks) {
  Plan plan = fake_plan(blocks);
  for (const char* type : {"Q5_K_M", "Q6_K", "F16"}) {
    plan.cells.push_back(cell_of(std::string("1B-") + type, "1B", type));
  }
  plan.cells.push_back(cell_of("1B-Q4_K_M-twin", "1B", "Q4_K_M"));
  plan.design.types = {"1B-Q4_K_M", "1B-Q5_K_M", "1B-Q6_K", "1B-Q8_0", "1B-F16"};
  plan.design.same = {"1B-Q4_K_M", "1B-Q4_K_M-twin"};
  for (const char* type : {"Q4_0", "Q5_0", "Q8_0", "F16"}) {
    plan.cells.push_back(cell_of(std::string("nothing-") + type, "nothing", type));
    plan.design.overhead_types.push_back(plan.cells.back().id);
  }
  for (const int budget : {120, 105, 100, 90, 50}) {
    Cell cell = cell_of("budget-" + std::to_string(budget), "7B", "Q4_K_M");
    cell.model = plan.find("7B-Q4_K_M")->model;
    cell.work = Work::fill;
    cell.fill = 100.0 / budget;
    cell.fill_by = FillBy::budget;
    plan.design.fills.push_back(cell.id);
    plan.cells.push_back(cell);
  }
  for (Cell& cell : plan.cells) cell.device = "cuda";
  plan.machine.devices = {{"cuda", "Test GPU", 80ULL << 30, 3000, {2900, 3100}, 55}};
  plan.exclusions.device.emplace();
  plan.hypotheses = hypotheses(plan);
  return plan;
}

std::string fresh_folder(const std::string& name) {
  const std::string path = ::testing::TempDir() + "lab_" + name;
  std::filesystem::remove_all(path);
  return path;
}

TrialResult FakeRunner::run(const Cell& cell, const std::string&) {
  const std::size_t trial = started++;
  const auto found = share_of_cell.find(cell.id);
  double share = found == share_of_cell.end() ? 0.8 : found->second;
  // A memory that changes between trials: shares must not see it.
  const double own = cell.on_cpu() ? kMemory : 100 * kMemory;
  const double memory = own * (1 + 0.1 * static_cast<double>(trial % 3));
  // All of its time is overhead, whatever its bytes are.
  if (cell.size == "nothing" && !cell.on_cpu()) share = bytes_of(cell) / (5e-4 * 100 * kMemory);
  TrialResult result;
  result.cell = cell.id;
  result.device = "2 threads, test";
  result.residency = "shared";
  result.threads = 2;
  result.file_bytes = static_cast<std::uint64_t>(bytes_of(cell));
  result.cached_share = 1;
  result.touch_s = 0.1;
  result.load_s = 0.05;
  result.prompt_tokens = 128;
  result.prefill_s = 128 * bytes_of(cell) / 3e11;
  result.first_token_s = result.prefill_s + 1e-4;
  result.prefill_operations = 128 * 3.5 * bytes_of(cell);
  result.prefill_bytes = static_cast<std::uint64_t>(bytes_of(cell));
  result.token_s.assign(20, bytes_of(cell) / (share * memory));
  result.decode_read_bytes = static_cast<std::uint64_t>(20 * bytes_of(cell));
  result.decode_operations = 20 * 3.5 * bytes_of(cell);
  for (std::uint32_t i = 0; i <= 20; i += 5) {
    result.slices.push_back({i, 128 << 20, (128 << 20) / memory});
  }
  const double token_s = result.token_s[0];
  result.profile = {{"matmul Q4_K", 0.9 * token_s, bytes_of(cell)},
                    {"attention", 0.04 * token_s, 1e6},
                    {"wait at barriers", 0.06 * token_s, 0}};
  if (!cell.on_cpu()) {
    result.conditions.device.emplace();
    result.conditions.device->clock_mhz = 1410;
    result.conditions.device->slowed_share = 0;
    result.conditions.device->other_processes = 0;
    result.device = "Test GPU";
    result.residency = "copied";
    result.own_memory = DeviceRecord{.copied_bytes = result.file_bytes,
                                     .copy_s = bytes_of(cell) / 15e9,
                                     .link_bytes_per_s = 55e9,
                                     .warm_up_s = 0.2};
    if (cell.fill > 1) {
      result.residency = "spilled, copied";
      result.own_memory->spilled_bytes =
          static_cast<std::uint64_t>(bytes_of(cell) * (1 - 1 / cell.fill));
      result.own_memory->copied_bytes -= result.own_memory->spilled_bytes;
    }
  }
  result.resident_bytes = result.file_bytes + (60 << 20);
  result.conditions.elapsed_s = 2;
  result.conditions.others_share = 0.004;
  result.conditions.steal_share = 0.0007;
  if (cell.work == Work::fill) {
    const auto working_set = static_cast<std::uint64_t>(bytes_of(cell)) + (80 << 20);
    result.filled =
        FilledMemory{static_cast<std::uint64_t>(static_cast<double>(working_set) / cell.fill),
                     working_set, result.file_bytes, 0, cell.fill > 1 ? std::uint64_t{4000} : 0};
  }
  if (cell.work == Work::treatments) {
    const auto slopes = slopes_of_cell.find(cell.id);
    result.treated = treated_steps(
        cell, slopes == slopes_of_cell.end() ? LocalSlopes{0.9, 0.01, 0.05} : slopes->second,
        token_s, 1 / (added_rate * memory));
    for (std::uint32_t cycle = 0; cycle < 5; ++cycle) {
      result.treated_memory.push_back({cycle, 128 << 20, (128 << 20) / memory});
    }
  }
  if (alter) alter(trial, result);
  return result;
}

RunDirectory finished_run(const std::string& name, const Plan& plan, FakeRunner& runner) {
  const RunDirectory directory = RunDirectory::create(fresh_folder(name));
  directory.write_plan(plan);
  seal_plan(directory);
  SilentObserver observer;
  run_sealed(directory, runner, observer);
  return directory;
}

}  // namespace ceiling::lab
