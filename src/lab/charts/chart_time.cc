// Where each millisecond of a token went, to scale, the ceiling's share first.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

struct Part {
  std::string_view name, style;
  double seconds;
};

std::array<Part, 4> parts_of(const TokenTime& time) {
  return {{{"bytes at the ceiling", "bar-ceiling", time.at_ceiling_s},
           {"matrices beyond it", "bar-matrices", time.matrices_beyond_s},
           {"attention", "bar-attention", time.attention_s},
           {"everything else", "bar-other", time.other_s}}};
}

std::string describe(const ReportData& data) {
  std::string text = "How the time of a token divides.";
  for (const CellFigures& f : data.analysis.cells) {
    text += fmt::format(" {}:", cell_name(data, f.cell));
    for (const Part& part : parts_of(f.token_time)) {
      text += fmt::format(" {} {:.0f} %;", part.name, 100 * part.seconds / f.token_time.all_s());
    }
  }
  return text;
}

void draw_legend(Svg& svg, ChartWidth width, double y) {
  double x = 0;
  const double step = width.narrow ? 170 : 165;
  std::size_t i = 0;
  for (const Part& part : parts_of({})) {
    if (width.narrow && i == 2) {
      x = 0;
      y += 20;
    }
    svg.rect(x, y - 10, 12, 12, part.style);
    svg.text(x + 18, y, part.name);
    x += step;
    ++i;
  }
}

std::string draw(const ReportData& data, ChartWidth width) {
  const auto& cells = data.analysis.cells;
  const RowLayout rows(width, cells.size());
  const Axis axis = Axis::linear(0, 100, rows.left(), rows.right());
  const double legend = width.narrow ? 50 : 30;
  Svg svg(width.pixels, rows.height() + legend, describe(data));
  rows.draw_axis(svg, axis, "share of a token’s time, %");
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const TokenTime& time = cells[i].token_time;
    rows.name_row(svg, i, data.plan.cells[cells[i].cell],
                  fmt::format("{} ms a token", shown(1e3 * time.all_s())));
    double from = 0;
    for (const Part& part : parts_of(time)) {
      const double share = 100 * part.seconds / time.all_s();
      const double x = axis.at(from);
      svg.rect(x, rows.middle(i) - 10, axis.at(from + share) - x, 20, part.style,
               fmt::format("{}: {} ms, {:.0f} %", part.name, shown(1e3 * part.seconds), share));
      from += share;
    }
  }
  draw_legend(svg, width, rows.height() + legend - (width.narrow ? 26 : 8));
  return svg.finish();
}

}  // namespace

Chart time_chart(const ReportData& data) {
  const CellFigures& figures = data.analysis.headline();
  Chart chart;
  chart.id = "time";
  chart.title = fmt::format("Reading its bytes takes {:.0f} % of a {} token’s time",
                            100 * figures.token_time.at_ceiling_s / figures.token_time.all_s(),
                            data.plan.cells[figures.cell].size);
  chart.reading =
      "Each bar is one token, to scale: first what the bytes would take at the ceiling, then what "
      "was "
      "lost and where (from the profiler, outside the clock).";
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = time_table(data);
  return chart;
}

}  // namespace ceiling::lab
