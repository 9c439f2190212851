// H3: speed while the working set fills the memory that is allowed.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

std::string draw(const ReportData& data, ChartWidth width) {
  const FillFigures& figures = *data.analysis.judgement.fills;
  std::string text = "Decode speed relative to the emptiest memory, speed only.";
  double most = 1.05;
  for (const auto& level : figures.levels) {
    text += fmt::format(" Memory {:.0f} % full: {}.", 100 * level.fill, shown_percent(level.speed));
    most = std::max(most, level.speed.high);
  }
  const double height = width.narrow ? 290 : 340;
  Plane plane = Plane::inside(width, height);
  plane.x = Axis::linear(100 * figures.levels.front().fill, 100 * figures.levels.back().fill,
                         plane.left, plane.right);
  plane.y = Axis::linear(0, 100 * most, plane.bottom, plane.top);
  Svg svg(width.pixels, height, text);
  const Cell& cell = data.plan.cells[figures.levels.front().cell];
  plane.draw(svg,
             cell.on_cpu() ? "working set over allowed memory, %"
                           : fmt::format("working set over what {} may hold, %", cell.device),
             "speed, % of the emptiest");
  if (figures.levels.back().fill > 1) {
    svg.line(plane.x.at(100), plane.top, plane.x.at(100), plane.bottom, "ceiling");
    svg.text(plane.x.at(100) - 5, plane.top + 12, "full", "label", Anchor::end);
  }
  std::vector<std::pair<double, double>> line;
  for (const auto& level : figures.levels) {
    line.emplace_back(plane.x.at(100 * level.fill), plane.y.at(100 * level.speed.value));
  }
  svg.polyline(line, "measured-path");
  for (const auto& level : figures.levels) {
    const double x = plane.x.at(100 * level.fill);
    for (const double value : level.blocks) {
      svg.circle(x, plane.y.at(100 * value), 3, "raw",
                 fmt::format("one block: {:.0f} %", 100 * value));
    }
    svg.line(x, plane.y.at(100 * level.speed.low), x, plane.y.at(100 * level.speed.high),
             "measured-line");
    svg.circle(x, plane.y.at(100 * level.speed.value), 5, "measured",
               fmt::format("memory {:.0f} % full: {} of the speed", 100 * level.fill,
                           shown_percent(level.speed)));
  }
  return svg.finish();
}

std::string pressed_by(const Cell& cell) {
  switch (cell.fill_by) {
    case FillBy::ballast:
      return "memory was locked away from the whole machine until the model took this share of the "
             "rest";
    case FillBy::budget:
      return "a budget limits the device’s own memory, and layers that do not fit run on the CPU";
    default:
      return "a control group limits the memory of each trial, page cache included";
  }
}

// What a level did besides its speed: to the host's page cache, or to where the weights lay.
std::vector<std::string> besides_header(const Cell& cell) {
  if (cell.on_cpu()) return {"Pages read again, a token", "Major faults"};
  return {"Weights on the device, GB", "Left to the CPU, GB"};
}

std::vector<std::string> besides(const Cell& cell, const FillFigures::Level& level) {
  if (cell.on_cpu()) return {shown(level.refaults_per_token), shown(level.major_faults)};
  return {shown(level.copied_bytes / 1e9), shown(level.spilled_bytes / 1e9)};
}

}  // namespace

Chart fill_chart(const ReportData& data) {
  const FillFigures& figures = *data.analysis.judgement.fills;
  const FillFigures::Level* last = &figures.levels.front();
  for (const auto& level : figures.levels) {
    if (level.fill <= 1 + 1e-9) last = &level;
  }
  const Cell& cell = data.plan.cells[figures.levels.front().cell];
  Chart chart;
  chart.id = "fill";
  chart.title = fmt::format("With memory {:.0f} % full, {:.0f} % of the speed is kept",
                            100 * last->fill, 100 * last->speed.value);
  chart.reading = fmt::format(
      "{} at {}{}{}; {}. Dot and bar: mean over blocks and its 95 % interval. Beyond full is "
      "described, not judged.",
      cell.size, cell.type, device_suffix(cell),
      cell.synthetic() ? ", synthetic weights: speed only" : "", pressed_by(cell));
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = {
      {"Memory full", "Weights", "Speed kept (95 %)", "Of the level before (90 %)"}, {}, 2};
  for (std::string& title : besides_header(cell)) chart.data.header.push_back(std::move(title));
  for (std::size_t i = 0; i < figures.levels.size(); ++i) {
    const auto& level = figures.levels[i];
    chart.data.rows.push_back({fmt::format("{:.0f} %", 100 * level.fill), weights_label(cell),
                               shown_percent(level.speed), shown_percent(figures.decides[i].step)});
    for (std::string& text : besides(cell, level))
      chart.data.rows.back().push_back(std::move(text));
  }
  return chart;
}

}  // namespace ceiling::lab
