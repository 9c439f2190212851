#include "lab/planning/expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::lab {
namespace {

constexpr double kMostTokensPerS = 1e6;

double positive_number(std::string_view text, const std::string& whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > 0) ||
      value > kMostTokensPerS) {
    fail(ExitCode::usage,
         "prediction '{}': '{}' is not a speed in tokens/s; expected NAME=9.5 or NAME=9.5:8-11",
         printable(whole, 80), printable(text, 40));
  }
  return value;
}

const Cell& named_cell(std::string_view name, const std::string& whole, const Plan& plan) {
  if (const Cell* cell = plan.find(name)) return *cell;
  const auto found = std::find_if(plan.cells.begin(), plan.cells.end(), [&](const Cell& cell) {
    return cell.size == name && cell.work == Work::decode && cell.own();
  });
  if (found != plan.cells.end()) return *found;
  std::string names;
  for (const Cell& cell : plan.cells) names += (names.empty() ? "" : ", ") + cell.id;
  fail(ExitCode::usage, "prediction '{}': there is no cell '{}'; this plan has {}",
       printable(whole, 80), printable(name, 40), names);
}

// Both sides scaled by the ratio of the normal quantiles, on a logarithmic scale.
fit::Interval widened(const fit::Interval& p80, double median) {
  constexpr double kRatio = 1.959963984540054 / 1.2815515655446004;
  return {median * std::pow(p80.low / median, kRatio),
          median * std::pow(p80.high / median, kRatio)};
}

}  // namespace

CellPrediction parse_expectation(const std::string& text, const Plan& plan) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) {
    fail(ExitCode::usage, "prediction '{}': expected NAME=TOKENS_PER_SECOND, as in 7B=9.5",
         printable(text, 80));
  }
  CellPrediction prediction;
  prediction.by = "user";
  prediction.cell = named_cell(std::string_view(text).substr(0, equals), text, plan).id;
  const std::string_view value = std::string_view(text).substr(equals + 1);
  const std::size_t colon = value.find(':');
  prediction.median = positive_number(value.substr(0, colon), text);
  if (colon == std::string_view::npos) return prediction;
  const std::string_view range = value.substr(colon + 1);
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) {
    fail(ExitCode::usage, "prediction '{}': the interval has no '-'; expected NAME=9.5:8-11",
         printable(text, 80));
  }
  const fit::Interval p80{positive_number(range.substr(0, dash), text),
                          positive_number(range.substr(dash + 1), text)};
  if (p80.low > prediction.median || p80.high < prediction.median) {
    fail(ExitCode::usage, "prediction '{}': the interval does not hold the median",
         printable(text, 80));
  }
  prediction.p80 = p80;
  prediction.p95 = widened(p80, prediction.median);
  return prediction;
}

void expect(Plan& plan, CellPrediction prediction) {
  std::erase_if(plan.predictions, [&](const CellPrediction& other) {
    return other.by == prediction.by && other.cell == prediction.cell;
  });
  plan.predictions.push_back(std::move(prediction));
}

}  // namespace ceiling::lab
