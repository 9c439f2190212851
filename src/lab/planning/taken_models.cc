#include "lab/planning/taken_models.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/units.h"
#include "lab/planning/models.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

constexpr std::uint64_t kSpareBytes = std::uint64_t{1} << 30;  // beside a model, memory and disk

}  // namespace

Cell synthetic_cell(const std::string& shape, const std::string& recipe) {
  Cell cell;
  cell.id = shape + "-" + recipe;
  cell.size = shape;
  cell.type = recipe;
  cell.model = SyntheticModel{shape, recipe};
  return cell;
}

std::string TakenModels::obstacle(const Cell& cell) const {
  const std::uint64_t bytes = cell_program(cell).weight_bytes();
  const std::string path = model_path(cell);
  const std::uint64_t memory = kSpareBytes + (os::lies_in_memory(path) ? 0 : bytes);
  if (memory > resources_.available_bytes) {
    return fmt::format("needs {} of memory, {} are available", format_capacity({memory}),
                       format_capacity({resources_.available_bytes}));
  }
  if (!std::filesystem::exists(path) && !files_.contains(path) &&
      bytes + kSpareBytes + taken_ > resources_.disk_bytes) {
    return fmt::format("needs {} of disk for its weights, {} are free",
                       format_capacity({bytes + kSpareBytes + taken_}),
                       format_capacity({resources_.disk_bytes}));
  }
  return {};
}

bool TakenModels::take(const Cell& cell, Plan& plan, bool note_obstacle) {
  const std::string why = obstacle(cell);
  if (why.empty()) {
    const std::string path = model_path(cell);
    if (!std::filesystem::exists(path) && files_.insert(path).second) {
      taken_ += cell_program(cell).weight_bytes();
    }
    plan.cells.push_back(cell);
    return true;
  }
  if (note_obstacle) plan.left_out.push_back({cell.title(), why});
  return false;
}

}  // namespace ceiling::lab
