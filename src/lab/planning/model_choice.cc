#include "lab/planning/model_choice.h"

#include <fmt/format.h>

#include "base/isa.h"
#include "base/units.h"
#include "lab/planning/hypothesis_cells.h"
#include "lab/planning/taken_models.h"

namespace ceiling::lab {
namespace {

constexpr const char* kDefaultModel = "SmolLM2-135M-Instruct.Q4_1.gguf";
constexpr std::uint64_t kLeastMemoryFor7B = 7'450'000'000;  // "8 GB", less what firmware keeps

// The same model from cold: one short answer is enough, the load is what counts.
Cell cold_cell(Cell cell) {
  cell.id += "-cold";
  cell.work = Work::cold_load;
  cell.prompt_tokens = 16;
  cell.least_tokens = 2;
  cell.most_tokens = 4;
  return cell;
}

void choose_default(const Resources& resources, Plan& plan) {
  if (resources.default_model) {
    plan.cells.push_back(default_cell());
  } else {
    plan.left_out.push_back(
        {"SmolLM2-135M, real weights", "its file is not here (./run fetch gets it)"});
  }
}

// Sizes from the largest to the smallest; `count` of them are taken while they fit.
void choose_sizes(TakenModels& choice, std::initializer_list<const char*> sizes, std::size_t count,
                  Plan& plan) {
  std::size_t taken = 0;
  for (const char* size : sizes) {
    if (taken == count) return;
    taken += choice.take(synthetic_cell(size, "Q4_K_M"), plan, true) ? 1 : 0;
  }
}

// Decode speed of one model in types whose bytes span more than 3.5 times; the 1B, whose six files
// stay in memory together on most machines.
void choose_types(TakenModels& choice, Plan& plan) {
  for (const char* type : {"Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16"}) {
    const Cell cell = synthetic_cell("1B", type);
    if (plan.find(cell.id) != nullptr || choice.take(cell, plan, true)) {
      plan.design.types.push_back(cell.id);
    }
  }
}

Cell treated_cell(const std::string& shape, const std::string& recipe, const std::string& suffix,
                  std::vector<Treatment> treatments, double seconds) {
  Cell cell = synthetic_cell(shape, recipe);
  cell.id += suffix;
  cell.work = Work::treatments;
  cell.treatments = std::move(treatments);
  cell.prompt_tokens = 16;
  cell.least_tokens = cell.most_tokens = 4;
  cell.most_decode_s = seconds;
  return cell;
}

void choose_treated(TakenModels& choice, Plan& plan) {
  constexpr double kEightfold = 7;  // repeats beside the first
  Cell treated = treated_cell("3B", "Q4_K_M", "-treated", all_treatments(), 18);
  if (!choice.take(treated, plan, true)) {
    treated = treated_cell("1B", "Q4_K_M", "-treated", all_treatments(), 12);
    if (!choice.take(treated, plan, true)) return;
  }
  const Cell eightfold = treated_cell("1B", "Q4_K_M", "-x8", local_treatments(kEightfold), 6);
  // Rows of 64 weights are one step of its kernel; those of 256, the least of the K types, made
  // products half of a token's time.
  Cell nothing = treated_cell("nothing", "F16", "-treated", local_treatments(), 1.5);
  std::get<SyntheticModel>(nothing.model).vocabulary = 512;
  plan.design.treated = treated.id;
  if (choice.take(eightfold, plan, true)) plan.design.compute_control = eightfold.id;
  if (choice.take(nothing, plan, true)) plan.design.overhead_control = nothing.id;
}

// The approach in steps of 0.05, and two levels beyond the memory to describe what comes there: in
// a group only, for ballast that takes more than there is would press the whole machine.
void choose_fills(TakenModels& choice, const Resources& resources, Plan& plan) {
  const FillBy by = resources.group_obstacle.empty() ? FillBy::group : FillBy::ballast;
  if (by == FillBy::ballast && !resources.ballast_obstacle.empty()) return;
  for (const int percent : {50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 110, 120}) {
    Cell cell = synthetic_cell("3B", "Q4_K_M");
    // Of a smaller model ballast would have to leave less than the floor.
    if (!choice.obstacle(cell).empty() && by == FillBy::group)
      cell = synthetic_cell("1B", "Q4_K_M");
    cell.id += fmt::format("-fill-{}", percent);
    cell.work = Work::fill;
    cell.fill = percent / 100.0;
    cell.fill_by = by;
    if (by == FillBy::ballast && cell.fill > 1) break;
    cell.prompt_tokens = 16;
    cell.least_tokens = 4;
    cell.most_tokens = 24;
    if (choice.take(cell, plan, false)) plan.design.fills.push_back(cell.id);
  }
}

void choose_hypotheses(TakenModels& choice, const Resources& resources, Plan& plan) {
  choose_types(choice, plan);
  Cell twin = synthetic_cell("1B", "Q4_K_M");
  if (plan.find(twin.id) != nullptr) {
    plan.design.same = {twin.id, twin.id + std::string(kTwinSuffix)};
    twin.id += kTwinSuffix;
    plan.cells.push_back(twin);
  }
  const Isa isa = vectors_of(active_isa());
  if (isa == Isa::avx2 || isa == Isa::avx512) choose_treated(choice, plan);
  choose_fills(choice, resources, plan);
}

}  // namespace

Cell default_cell() {
  Cell cell;
  cell.id = "SmolLM2-135M";
  cell.size = "135M";
  cell.type = "Q4_1";
  cell.model = FileModel{kDefaultModel};
  return cell;
}

const std::vector<std::string_view>& standard_sizes() {
  static const std::vector<std::string_view> sizes = {"32B", "13B", "7B", "3B", "1B", "0.5B"};
  return sizes;
}

void choose_quick(const Resources& resources, std::string_view most, Plan& plan) {
  TakenModels choice(resources);
  choose_default(resources, plan);
  const bool middle = choice.take(synthetic_cell("1B", "Q4_K_M"), plan, true);
  if (middle) plan.cells.push_back(cold_cell(plan.cells.back()));
  choice.take(synthetic_cell("1B", "Q8_0"), plan, true);
  const Cell largest = synthetic_cell("7B", "Q4_K_M");
  if (most != "7B") {
    choose_sizes(choice, {"3B", "0.5B"}, most == "3B" ? 1 : 0, plan);
  } else if (resources.memory_bytes < kLeastMemoryFor7B) {
    plan.left_out.push_back(
        {largest.title(), fmt::format("needs 8 GB of memory, this machine has {}",
                                      format_capacity({resources.memory_bytes}))});
    choose_sizes(choice, {"3B", "0.5B"}, 1, plan);
  } else {
    choose_sizes(choice, {"7B", "3B", "0.5B"}, 1, plan);
  }
}

void choose_standard(const Resources& resources, std::string_view most, Plan& plan) {
  TakenModels choice(resources);
  choose_default(resources, plan);
  std::size_t taken = 0;
  bool allowed = false;
  for (const std::string_view size : standard_sizes()) {
    allowed |= size == most;
    if (!allowed || taken == 3) continue;
    taken += choice.take(synthetic_cell(std::string(size), "Q4_K_M"), plan, true) ? 1 : 0;
  }
  if (taken > 0) plan.cells.push_back(cold_cell(plan.cells.back()));
  choose_hypotheses(choice, resources, plan);
}

}  // namespace ceiling::lab
