#include "lab/planning/device_cells.h"

#include <fmt/format.h>

#include "base/units.h"
#include "lab/planning/models.h"
#include "lab/planning/taken_models.h"

namespace ceiling::lab {
namespace {

constexpr std::uint64_t kSpareBytes = std::uint64_t{2} << 30;  // beside a model, on the device

// Why the device does not hold it whole; empty: it does, or it reads the host's memory.
std::string obstacle(const Cell& cell, const PlanDevice& device) {
  if (device.memory_bytes == 0) return {};
  const std::uint64_t needed = cell_program(cell).weight_bytes() + kSpareBytes;
  if (needed <= device.memory_bytes) return {};
  return fmt::format("needs {} of the device's memory, {} are free", format_capacity({needed}),
                     format_capacity({device.memory_bytes}));
}

bool take(TakenModels& models, const Cell& cell, const PlanDevice& device, Plan& plan) {
  const std::string why = obstacle(cell, device);
  if (why.empty()) return models.take(cell, plan, true);
  plan.left_out.push_back({cell.title(), why});
  return false;
}

// Whose types are compared: on the 1B the borders between kernels weigh more than bytes.
std::string size_of_types(Kind kind, const TakenModels& models, const PlanDevice& device) {
  const Cell largest = on_device(synthetic_cell("8B", "F16"), device);
  const bool fits = obstacle(largest, device).empty() && models.obstacle(largest).empty();
  return kind == Kind::standard && fits ? "8B" : "1B";
}

// H2: six types of one size, and its A/A pair.
void choose_types(const std::string& shape, TakenModels& models, const PlanDevice& device,
                  Plan& plan) {
  for (const char* type : {"Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16"}) {
    const Cell cell = on_device(synthetic_cell(shape, type), device);
    if (plan.find(cell.id) != nullptr || take(models, cell, device, plan)) {
      plan.design.types.push_back(cell.id);
    }
  }
  Cell twin = on_device(synthetic_cell(shape, "Q4_K_M"), device);
  if (plan.find(twin.id) == nullptr) return;
  plan.design.same = {twin.id, twin.id + std::string(kTwinSuffix)};
  twin.id += kTwinSuffix;
  plan.cells.push_back(twin);
}

// Its control: hardly a byte and hardly any arithmetic, so that types cannot matter. Short, for the
// KV cache would soon be more than the weights.
void choose_overhead_types(TakenModels& models, const PlanDevice& device, Plan& plan) {
  for (const char* type : {"Q4_0", "Q5_0", "Q8_0", "F16"}) {
    Cell cell = on_device(synthetic_cell("nothing", type), device);
    std::get<SyntheticModel>(cell.model).vocabulary = 512;
    cell.prompt_tokens = 16;
    cell.least_tokens = cell.most_tokens = 64;
    if (take(models, cell, device, plan)) plan.design.overhead_types.push_back(cell.id);
  }
}

// One that may not fit: the prompt is short, for the rest is computed by the CPU.
Cell within_budget(const std::string& shape, const PlanDevice& device) {
  Cell cell = on_device(synthetic_cell(shape, "Q4_K_M"), device);
  cell.work = Work::fill;
  cell.fill_by = FillBy::budget;
  cell.prompt_tokens = 16;
  cell.least_tokens = 8;
  cell.most_tokens = 128;
  cell.most_decode_s = 1.5;
  return cell;
}

// The model as a smaller card would run it.
void choose_smaller_card(const std::string& shape, std::uint64_t card_bytes, TakenModels& models,
                         const PlanDevice& device, Plan& plan) {
  Cell cell = within_budget(shape, device);
  cell.limit_bytes = card_bytes;
  cell.id += fmt::format("-within-{}MiB", card_bytes >> 20);
  if (device.memory_bytes == 0) {
    plan.left_out.push_back(
        {cell.title(), "the device reads the host's memory: no budget limits it"});
    return;
  }
  if (cell_program(cell).weight_bytes() + kSpareBytes <= card_bytes) {
    plan.left_out.push_back({cell.title(), "it fits whole: nothing would be left to the CPU"});
    return;
  }
  take(models, cell, device, plan);
}

// H3: budgets from 1.2 to 0.5 of the working set.
void choose_budgets(TakenModels& models, const PlanDevice& device, const std::string& shape,
                    Plan& plan) {
  for (const int percent : {120, 110, 105, 100, 95, 90, 80, 70, 60, 50}) {
    Cell cell = within_budget(shape, device);
    cell.id += fmt::format("-budget-{}", percent);
    cell.fill = 100.0 / percent;
    if (take(models, cell, device, plan)) plan.design.fills.push_back(cell.id);
  }
}

}  // namespace

std::vector<std::string_view> device_sizes(Kind kind) {
  if (kind == Kind::quick) return {"8B", "1B"};
  return {"70B", "32B", "8B", "1B"};
}

Cell on_device(Cell cell, const PlanDevice& device) {
  cell.id += "-" + device.device;
  cell.device = device.device;
  cell.prompt_tokens = 256;
  cell.least_tokens = 32;
  cell.most_tokens = 1024;  // a second and more: a burst of slow tokens must not weigh
  cell.most_decode_s = 3;
  return cell;
}

void choose_device(Kind kind, const Resources& resources, const PlanDevice& device,
                   std::string_view most, Plan& plan) {
  TakenModels models(resources);
  bool allowed = false;
  std::string largest;
  for (const std::string_view size : device_sizes(kind)) {
    allowed |= size == most;
    if (!allowed) continue;
    const std::string shape(size);
    const bool taken =
        take(models, on_device(synthetic_cell(shape, "Q4_K_M"), device), device, plan);
    if (taken && largest.empty()) largest = shape;
    if (size == "8B") take(models, on_device(synthetic_cell(shape, "F16"), device), device, plan);
  }
  const std::string typed = size_of_types(kind, models, device);
  choose_types(typed, models, device, plan);
  choose_overhead_types(models, device, plan);
  if (largest.empty()) return;
  if (device.memory_bytes > 0) {
    choose_budgets(models, device, typed == "8B" ? typed : largest, plan);
  }
  if (resources.card_bytes > 0) {
    choose_smaller_card(largest, resources.card_bytes, models, device, plan);
  }
}

void repeat_on_device(const PlanDevice& device, Plan& plan) {
  std::vector<Cell> repeated;
  for (const Cell& cell : plan.cells) {
    if (!cell.own() || !cell.on_cpu() || cell.work != Work::decode || plan.design.has(cell.id)) {
      continue;
    }
    const Cell there = on_device(cell, device);
    if (const std::string why = obstacle(there, device); !why.empty()) {
      plan.left_out.push_back({there.title(), why});
      continue;
    }
    repeated.push_back(there);
  }
  plan.cells.insert(plan.cells.end(), repeated.begin(), repeated.end());
}

}  // namespace ceiling::lab
