// What decode speed follows: local elasticities of the treated model and of the positive controls.
#include <fmt/format.h>

#include <algorithm>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

struct Row {
  std::string name, note;
  Estimate elasticity;  // 95 %
  std::vector<double> processes;
  double low = 0, high = 0;  // what supports H1 or passes the control; equal: no region
};

std::vector<double> of(const TreatedFigures& figures, double LocalSlopes::* member) {
  std::vector<double> values;
  for (const LocalSlopes& slopes : figures.processes) values.push_back(slopes.*member);
  return values;
}

std::vector<Row> rows_of(const ReportData& data) {
  const Judgement& j = data.analysis.judgement;
  const Thresholds& t = data.plan.thresholds;
  const auto title = [&](const TreatedFigures& f) {
    const Cell& cell = data.plan.cells[f.cell];
    return fmt::format("{}{}", cell.size, cell.synthetic() ? ", speed only" : "");
  };
  const TreatedFigures& treated = *j.treated;
  std::vector<Row> rows = {
      {"Memory bytes", title(treated), treated.shown.bandwidth,
       of(treated, &LocalSlopes::bandwidth), t.bandwidth_least, t.bandwidth_most},
      {"Arithmetic", title(treated), treated.shown.compute, of(treated, &LocalSlopes::compute), -1,
       t.compute_below},
      {"Placebo loads", title(treated), treated.shown.placebo, of(treated, &LocalSlopes::placebo),
       -1, t.compute_below},
  };
  const auto control = [&](const std::optional<TreatedFigures>& f, const std::string& name) {
    if (!f) return;
    rows.push_back({"Memory bytes", name, f->shown.bandwidth, of(*f, &LocalSlopes::bandwidth)});
    rows.push_back({"Arithmetic", name, f->shown.compute, of(*f, &LocalSlopes::compute)});
  };
  control(j.compute_control, "control: arithmetic x8");
  control(j.overhead_control, "control: no model");
  return rows;
}

std::string shown_interval(const Estimate& e) {
  return fmt::format("{:.2f} ({:.2f}–{:.2f})", e.value, e.low, e.high);
}

std::string describe(const std::vector<Row>& rows) {
  std::string text = "Elasticities of decode speed, speed only.";
  for (const Row& row : rows) {
    text += fmt::format(" {}, {}: {}.", row.name, row.note, shown_interval(row.elasticity));
  }
  return text;
}

std::string draw(const std::vector<Row>& rows, ChartWidth width) {
  double least = -0.2, most = 1.2;
  for (const Row& row : rows) {
    least = std::min(least, row.elasticity.low);
    most = std::max(most, row.elasticity.high);
  }
  const RowLayout layout(width, rows.size());
  const Axis axis = Axis::linear(least, most, layout.left(), layout.right());
  Svg svg(width.pixels, layout.height(), describe(rows));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].low == rows[i].high) continue;
    const double left = axis.at(std::max(rows[i].low, axis.low()));
    svg.rect(left, layout.middle(i) - 11, axis.at(rows[i].high) - left, 22, "region",
             "what supports the hypothesis");
  }
  layout.draw_axis(svg, axis, "elasticity of speed");
  svg.line(axis.at(0), layout.top(), axis.at(0), layout.bottom(), "axis");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = layout.middle(i);
    const Estimate& e = rows[i].elasticity;
    layout.name_row(svg, i, rows[i].name, rows[i].note, shown_interval(e));
    for (const double value : rows[i].processes) {
      svg.circle(axis.at(value), y, 3, "raw", fmt::format("one process: {:.2f}", value));
    }
    svg.line(axis.at(e.low), y, axis.at(e.high), y, "measured-line");
    svg.circle(axis.at(e.value), y, 5.5, "measured", shown_interval(e));
  }
  return svg.finish();
}

}  // namespace

Chart elasticity_chart(const ReportData& data) {
  const std::vector<Row> rows = rows_of(data);
  const Elasticities& e = data.analysis.judgement.treated->shown;
  Chart chart;
  chart.id = "elasticity";
  chart.title = fmt::format(
      "A tenth more bytes cost {:.1f} % of the speed, a tenth more arithmetic "
      "{:.1f} %",
      10 * e.bandwidth.value, 10 * std::max(0.0, e.compute.value));
  chart.reading = fmt::format(
      "1: the whole time of a token follows it; 0: none. Grey: what supports H1. Pale dots: single "
      "processes. The placebo makes the same loads from the cache. The first two add up to {:.2f}; "
      "what is missing to 1 is overhead, what is beyond it overlap.",
      e.sum);
  chart.wide = draw(rows, kWide);
  chart.narrow = draw(rows, kNarrow);
  chart.data = {{"What is dilated", "Of", "Elasticity (95 %)", "Processes"}, {}, 2};
  for (const Row& row : rows) {
    chart.data.rows.push_back(
        {row.name, row.note, shown_interval(row.elasticity), fmt::format("{}", row.elasticity.n)});
  }
  return chart;
}

}  // namespace ceiling::lab
