// The answer: how much of what the memory allows each cell makes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

std::string describe(const ReportData& data) {
  std::string text = "Measured share of the memory ceiling.";
  for (const CellFigures& f : data.analysis.cells) {
    text +=
        fmt::format(" {}: {}, {} of {} tokens/s.", cell_name(data, f.cell), shown_percent(f.share),
                    shown(f.tokens_per_s), shown(f.ceiling_tokens_per_s()));
  }
  return text;
}

void draw_cell(Svg& svg, const Axis& axis, double y, const CellFigures& figures) {
  for (const TrialPoint& point : figures.points) {
    svg.circle(axis.at(100 * point.share), y, 4, point.excluded ? "raw excluded" : "raw",
               fmt::format("block {}: {:.1f} % of the ceiling, {} tokens/s{}", point.block + 1,
                           100 * point.share, shown(point.tokens_per_s),
                           point.excluded ? " (excluded)" : ""));
  }
  const Estimate& e = figures.share;
  svg.line(axis.at(100 * e.low), y, axis.at(100 * e.high), y, "measured-line");
  for (const double end : {e.low, e.high}) {
    svg.line(axis.at(100 * end), y - 6, axis.at(100 * end), y + 6, "measured-line");
  }
  svg.circle(axis.at(100 * e.value), y, 5.5, "measured",
             fmt::format("{} of the ceiling: {} of {} tokens/s", shown_percent(e),
                         shown(figures.tokens_per_s), shown(figures.ceiling_tokens_per_s())));
}

double largest_share(const ReportData& data) {
  double largest = 1;
  for (const CellFigures& f : data.analysis.cells) {
    largest = std::max(largest, f.share.high);
    for (const TrialPoint& point : f.points) largest = std::max(largest, point.share);
  }
  return largest;
}

std::string draw(const ReportData& data, ChartWidth width) {
  const auto& cells = data.analysis.cells;
  const RowLayout rows(width, cells.size());
  const Axis axis = Axis::linear(0, 100 * largest_share(data), rows.left(), rows.right());
  Svg svg(width.pixels, rows.height(), describe(data));
  rows.draw_axis(svg, axis, "share of the ceiling, %");
  rows.draw_line(svg, axis.at(100), "ceiling");
  svg.text(axis.at(100) + 4, rows.top() - 6, "the ceiling", "label", Anchor::end);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    rows.name_row(svg, i, data.plan.cells[cells[i].cell],
                  fmt::format("{} of {} tokens/s", shown(cells[i].tokens_per_s.value),
                              shown(cells[i].ceiling_tokens_per_s())));
    draw_cell(svg, axis, rows.middle(i), cells[i]);
  }
  return svg.finish();
}

}  // namespace

Chart speed_chart(const ReportData& data) {
  const auto [least, most] = std::minmax_element(
      data.analysis.cells.begin(), data.analysis.cells.end(),
      [](const CellFigures& a, const CellFigures& b) { return a.share.value < b.share.value; });
  Chart chart;
  chart.id = "speed";
  chart.title =
      std::lround(100 * least->share.value) == std::lround(100 * most->share.value)
          ? fmt::format("Decode reaches {:.0f} % of what memory allows", 100 * least->share.value)
          : fmt::format("Decode reaches {:.0f} to {:.0f} % of what memory allows",
                        100 * least->share.value, 100 * most->share.value);
  chart.reading =
      "Dashed line: the ceiling, memory speed over bytes a token, measured between the tokens. Dot "
      "and bar: mean and its 95 % interval; pale dots: single trials, hollow where excluded.";
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = speed_table(data);
  return chart;
}

}  // namespace ceiling::lab
