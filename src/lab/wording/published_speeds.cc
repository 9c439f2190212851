#include "lab/wording/published_speeds.h"

#include <algorithm>

#include "fit/data.h"
#include "fit/table.h"

namespace ceiling::lab {
namespace {

std::map<std::string, double, std::less<>> fastest_by_machine(std::string_view model,
                                                              std::string_view type,
                                                              std::string_view test) {
  const fit::Table rows = fit::Table::parse(fit::published_csv(), "data/published.csv");
  rows.require({"hardware", "model", "quant", "test", "tokens_per_s"});
  std::map<std::string, double, std::less<>> fastest;
  for (const fit::TableRow& row : rows.rows()) {
    if (rows.cell(row, "model") != model || rows.cell(row, "quant") != type ||
        rows.cell(row, "test") != test) {
      continue;
    }
    const auto speed = fit::parse_number(rows.cell(row, "tokens_per_s"));
    if (!speed || !(*speed > 0)) continue;
    double& most = fastest[std::string(rows.cell(row, "hardware"))];
    most = std::max(most, *speed);
  }
  return fastest;
}

}  // namespace

std::vector<PublishedMachine> published_machines(std::string_view model, std::string_view type,
                                                 std::string_view test,
                                                 const std::vector<std::string>& columns) {
  const auto fastest = fastest_by_machine(model, type, test);
  const fit::Table catalogue = fit::Table::parse(fit::hardware_csv(), "data/hardware.csv");
  catalogue.require({columns.begin(), columns.end()});
  std::vector<PublishedMachine> machines;
  for (const fit::TableRow& row : catalogue.rows()) {
    const auto found = fastest.find(catalogue.cell(row, "name"));
    if (found == fastest.end()) continue;
    PublishedMachine machine{.name = found->first, .tokens_per_s = found->second, .figures = {}};
    for (const std::string& column : columns) {
      if (const auto figure = fit::parse_number(catalogue.cell(row, column))) {
        machine.figures[column] = *figure;
      }
    }
    machines.push_back(std::move(machine));
  }
  return machines;
}

}  // namespace ceiling::lab
