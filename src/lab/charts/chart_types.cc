// H2: time of a token against its bytes, one model in several types.
#include <fmt/format.h>

#include <cmath>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

std::string draw(const ReportData& data, ChartWidth width) {
  const TypeFigures& figures = *data.analysis.judgement.types;
  const auto& types = figures.types;
  std::string text = "Time of a token against its bytes, one model in several types, speed only.";
  for (const auto& type : types) {
    text +=
        fmt::format(" {}: {} MB, {} ms.", data.plan.cells[type.cell].type,
                    shown(type.bytes_per_token / 1e6), shown(1e3 * type.seconds_per_token.value));
  }
  const double height = width.narrow ? 310 : 380;
  Plane plane = Plane::inside(width, height);
  const double first_mb = types.front().bytes_per_token / 1e6;
  const double last_mb = types.back().bytes_per_token / 1e6;
  const double first_ms = 1e3 * types.front().seconds_per_token.value;
  double most_ms = first_ms;
  double least_ms = first_ms;
  for (const auto& type : types) {
    most_ms = std::max(most_ms, 1e3 * type.seconds_per_token.high);
    least_ms = std::min(least_ms, 1e3 * type.seconds_per_token.low);
  }
  most_ms = std::max(most_ms, first_ms * last_mb / first_mb);
  plane.x = Axis::logarithmic(first_mb * 0.95, last_mb * 1.05, plane.left, plane.right);
  plane.y = Axis::logarithmic(least_ms * 0.9, most_ms * 1.05, plane.bottom, plane.top);
  Svg svg(width.pixels, height, text);
  plane.draw(svg, "MB a token (logarithmic)", "ms a token (logarithmic)");
  svg.line(plane.x.at(first_mb), plane.y.at(first_ms), plane.x.at(last_mb),
           plane.y.at(first_ms * last_mb / first_mb), "ceiling");
  svg.line(plane.x.at(first_mb), plane.y.at(first_ms), plane.x.at(last_mb), plane.y.at(first_ms),
           "reference-path");
  std::vector<double> wanted;
  for (const auto& type : types) {
    wanted.push_back(plane.y.at(1e3 * type.seconds_per_token.value) + 18);
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto& type = types[i];
    const double x = plane.x.at(type.bytes_per_token / 1e6);
    const Estimate& s = type.seconds_per_token;
    svg.line(x, plane.y.at(1e3 * s.low), x, plane.y.at(1e3 * s.high), "measured-line");
    svg.circle(x, plane.y.at(1e3 * s.value), 5, "measured",
               fmt::format("{}: {} MB, {} ms", data.plan.cells[type.cell].type,
                           shown(type.bytes_per_token / 1e6), shown(1e3 * s.value)));
    // Names alternate above and below their dots, so that neighbours do not meet.
    const double y = plane.y.at(1e3 * s.value) + (i % 2 == 0 ? 20 : -12);
    const bool last = i + 1 == types.size();
    svg.text(x, y, data.plan.cells[type.cell].type, "label",
             i == 0 ? Anchor::start
             : last ? Anchor::end
                    : Anchor::middle);
  }
  svg.text(plane.right, plane.y.at(first_ms) - 6, "if only the count of parameters mattered",
           "label muted small", Anchor::end);
  return svg.finish();
}

}  // namespace

Chart type_chart(const ReportData& data) {
  const TypeFigures& figures = *data.analysis.judgement.types;
  const Estimate& slope = figures.shown.slope;
  const Cell& first = data.plan.cells[figures.types.front().cell];
  const bool synthetic = first.synthetic();
  Chart chart;
  chart.id = "types";
  chart.title = fmt::format("Time grows with bytes to the power {:.2f} ({:.2f}–{:.2f})",
                            slope.value, slope.low, slope.high);
  chart.reading = fmt::format(
      "{}{} in {} types, at one memory speed{}. Dashed: time in proportion to bytes (slope 1).",
      first.size, device_suffix(first), figures.types.size(),
      synthetic ? "; synthetic weights: speed only" : "");
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = {{"Type", "Weights", "MB a token", "ms a token (95 %)", "Slope without it"}, {}, 2};
  for (const auto& type : figures.types) {
    // `without` stands in the plan's order of types.
    double without = 0;
    std::size_t place = 0;
    for (const std::string& id : data.plan.design.types) {
      if (data.analysis.find(data.plan, id) == nullptr) continue;
      if (id == data.plan.cells[type.cell].id) without = figures.decides.without.at(place);
      ++place;
    }
    const Estimate ms{1e3 * type.seconds_per_token.value, 1e3 * type.seconds_per_token.low,
                      1e3 * type.seconds_per_token.high, type.seconds_per_token.n};
    chart.data.rows.push_back(
        {data.plan.cells[type.cell].type, weights_label(data.plan.cells[type.cell]),
         shown(type.bytes_per_token / 1e6), shown(ms), fmt::format("{:.2f}", without)});
  }
  return chart;
}

}  // namespace ceiling::lab
