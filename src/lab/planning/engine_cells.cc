#include "lab/planning/engine_cells.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace ceiling::lab {
namespace {

bool can_have_twin(const Plan& plan, const Cell& cell) {
  return cell.own() && cell.on_cpu() && cell.work == Work::decode && !plan.design.has(cell.id);
}

const Cell* meant(const Plan& plan, const std::string& name) {
  const Cell* cell = plan.find(name);
  if (cell != nullptr && cell->own() && cell->on_cpu() && cell->work == Work::decode) return cell;
  const auto found = std::find_if(plan.cells.begin(), plan.cells.end(), [&](const Cell& c) {
    return c.size == name && can_have_twin(plan, c);
  });
  return found == plan.cells.end() ? nullptr : &*found;
}

Cell twin_of(const Plan& plan, Cell cell, const TrialEngine& engine) {
  const std::string id = fmt::format("{}-{}", cell.id, name(engine.kind));
  cell.id = id;
  for (int i = 2; plan.find(cell.id) != nullptr; ++i) cell.id = fmt::format("{}-{}", id, i);
  cell.engine = engine;
  return cell;
}

void add_served(Plan& plan, const EngineWish& wish) {
  for (const auto& [name, served] : wish.served) {
    const Cell* cell = meant(plan, name);
    if (cell == nullptr) {
      plan.left_out.push_back({fmt::format("{} by {}", printable(served, 80), wish.engine.where),
                               fmt::format("this plan has no cell '{}'", printable(name, 80))});
      continue;
    }
    TrialEngine engine = wish.engine;
    engine.served = served;
    Cell twin = twin_of(plan, *cell, engine);
    plan.cells.push_back(std::move(twin));
  }
}

}  // namespace

void add_engine_cells(Plan& plan, const std::vector<EngineWish>& wishes) {
  for (const EngineWish& wish : wishes) {
    if (wish.engine.kind == EngineKind::openai) {
      add_served(plan, wish);
      continue;
    }
    std::vector<Cell> twins;
    for (const Cell& cell : plan.cells) {
      if (can_have_twin(plan, cell)) twins.push_back(twin_of(plan, cell, wish.engine));
    }
    plan.cells.insert(plan.cells.end(), twins.begin(), twins.end());
  }
}

}  // namespace ceiling::lab
