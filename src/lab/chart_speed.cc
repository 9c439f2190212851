// The answer: what each cell makes, against what the memory would allow.
#include <fmt/format.h>

#include <algorithm>

#include "lab/chart.h"

namespace ceiling::lab {
namespace {

std::string describe(const ReportData& data) {
  std::string text = "Measured decode speed against the memory ceiling.";
  for (const CellFigures& f : data.analysis.cells) {
    text += fmt::format(" {}: {} of {} tokens/s.", cell_name(data, f.cell), shown(f.tokens_per_s),
                        shown(f.ceiling_tokens_per_s()));
  }
  return text;
}

void draw_cell(Svg& svg, const Axis& axis, double y, const CellFigures& figures) {
  const double ceiling = figures.ceiling_tokens_per_s();
  svg.line(axis.at(ceiling), y - 16, axis.at(ceiling), y + 16, "ceiling");
  for (const TrialPoint& point : figures.points) {
    svg.circle(axis.at(point.tokens_per_s), y, 3, point.excluded ? "raw excluded" : "raw",
               fmt::format("block {}: {} tokens/s{}", point.block + 1, shown(point.tokens_per_s),
                           point.excluded ? " (excluded)" : ""));
  }
  const Estimate& e = figures.tokens_per_s;
  svg.line(axis.at(e.low), y, axis.at(e.high), y, "measured-line");
  for (const double end : {e.low, e.high}) {
    svg.line(axis.at(end), y - 5, axis.at(end), y + 5, "measured-line");
  }
  svg.circle(axis.at(e.value), y, 5.5, "measured",
             fmt::format("measured {} tokens/s; ceiling {}", shown(e), shown(ceiling)));
}

std::string draw(const ReportData& data, ChartWidth width) {
  const auto& cells = data.analysis.cells;
  double low = 1e300;
  double high = 0;
  for (const CellFigures& f : cells) {
    high = std::max({high, f.ceiling_tokens_per_s(), f.tokens_per_s.high});
    low = std::min({low, f.ceiling_tokens_per_s(), f.tokens_per_s.low});
    for (const TrialPoint& point : f.points) {
      low = std::min(low, point.tokens_per_s);
      high = std::max(high, point.tokens_per_s);
    }
  }
  const RowLayout rows(width, cells.size());
  const Axis axis = Axis::logarithmic(low, high, rows.left(), rows.right());
  Svg svg(width.pixels, rows.height(), describe(data));
  rows.draw_axis(svg, axis, "decode, tokens/s (logarithmic)");
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
      data.analysis.cells.size() == 1
          ? fmt::format("Decode reaches {:.0f} % of what memory allows", 100 * least->share.value)
          : fmt::format("Decode reaches {:.0f} to {:.0f} % of what memory allows",
                        100 * least->share.value, 100 * most->share.value);
  chart.reading =
      "Dashed line: the ceiling, memory speed over bytes a token. Dot and bar: measured mean and "
      "its "
      "95 % interval; pale dots: single trials, hollow where excluded.";
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = speed_table(data);
  return chart;
}

}  // namespace ceiling::lab
