#include "cli/left_out_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace ceiling::cli {
namespace {

std::string within(const std::vector<lab::ToldCell>& cells, bool type_taught, const char* which) {
  constexpr double kWanted = 0.05;
  std::size_t count = 0;
  std::size_t near = 0;
  double largest = 0;
  for (const lab::ToldCell& cell : cells) {
    if (cell.type_taught != type_taught) continue;
    ++count;
    near += std::abs(cell.error()) <= kWanted ? 1U : 0U;
    largest = std::max(largest, std::abs(cell.error()));
  }
  if (count == 0) return {};
  return fmt::format("{} of {} cells {} within 5 %; largest error {:.1f} %\n", near, count, which,
                     100 * largest);
}

}  // namespace

std::string left_out_text(const lab::Plan& plan, const std::vector<lab::ToldCell>& cells) {
  std::string out = fmt::format(
      "Lab of {} on {}, {} threads: share of the ceiling of each cell, told from other models\n\n"
      "  {:<22} {:>6} {:>8} {:>9} {:>10} {:>10} {:>14} {:>8}\n",
      plan.created, plan.machine.cpu, plan.machine.threads, "left out", "trials", "GB/s",
      "measured", "predicted", "80 %", "type taught", "error");
  for (const lab::ToldCell& cell : cells) {
    out += fmt::format(
        "  {:<22} {:>6} {:>8.1f} {:>9.3f} {:>10.3f} {:>10} {:>14} {:>+6.1f} %\n", cell.cell,
        cell.trials, cell.memory_gb_per_s, cell.measured, cell.predicted.median,
        fmt::format("{:.2f}-{:.2f}", cell.predicted.p80.low, cell.predicted.p80.high),
        cell.type_taught ? "yes" : "no", 100 * cell.error());
  }
  return out + "\n" + within(cells, true, "whose type another model teaches") +
         within(cells, false, "of types that none teaches");
}

nlohmann::ordered_json left_out_json(const lab::Plan& plan,
                                     const std::vector<lab::ToldCell>& cells) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const lab::ToldCell& cell : cells) {
    rows.push_back({{"cell", cell.cell},
                    {"trials", cell.trials},
                    {"type_taught", cell.type_taught},
                    {"memory_gb_per_s", cell.memory_gb_per_s},
                    {"measured_share", cell.measured},
                    {"predicted_share", cell.predicted.median},
                    {"interval80", {cell.predicted.p80.low, cell.predicted.p80.high}},
                    {"interval95", {cell.predicted.p95.low, cell.predicted.p95.high}},
                    {"error", cell.error()}});
  }
  return {{"created", plan.created},
          {"cpu", plan.machine.cpu},
          {"threads", plan.machine.threads},
          {"cells", std::move(rows)}};
}

}  // namespace ceiling::cli
