// Every trial over time, with what the machine was doing under it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/chart.h"

namespace ceiling::lab {
namespace {

// One strip of the plot: a quantity over time, its own axis at the left.
struct Strip {
  double top, height;
  std::string title;
  Axis axis;
};

double minutes(const ReportData& data, double wall_s) {
  return (wall_s - data.state.started_wall_s) / 60;
}

void draw_strip(Svg& svg, const Strip& strip, double left, double right) {
  svg.text(0, strip.top - 8, strip.title, "label strong");
  for (const double tick : strip.axis.ticks()) {
    const double y = strip.axis.at(tick);
    svg.line(left, y, right, y, "grid");
    svg.text(left - 6, y + 4, Axis::label(tick), "label muted", Anchor::end);
  }
}

Strip make_strip(std::string title, double top, double height, double low, double high) {
  return {top, height, std::move(title), Axis::linear(low, high, top + height, top)};
}

class BlockPlot {
 public:
  BlockPlot(const ReportData& data, ChartWidth width)
      : data_(data),
        left_(40),
        right_(width.pixels - 8),
        height_((static_cast<double>(data.analysis.cells.size()) + 2) * kStep + 44),
        x_(Axis::linear(0, std::max(0.2, minutes(data, data.state.finished_wall_s)), left_,
                        right_)),
        svg_(width.pixels, height_,
             "Share of the ceiling of each cell in every block over time, "
             "the memory speed and the time other processes took.") {}

  std::string draw() {
    double top = 24;
    for (const CellFigures& figures : data_.analysis.cells) {
      draw_cell(figures, top);
      top += kStep;
    }
    draw_memory(top);
    draw_others(top + kStep);
    draw_time_axis(top + 2 * kStep - 30);
    return svg_.finish();
  }

 private:
  static constexpr double kStep = 112;
  static constexpr double kStripHeight = 70;

  void draw_cell(const CellFigures& figures, double top) {
    double high = 100;
    for (const TrialPoint& point : figures.points) high = std::max(high, 100 * point.share);
    const Cell& cell = data_.plan.cells[figures.cell];
    const Strip strip = make_strip(fmt::format("{}: share of the ceiling, %{}", cell.title(),
                                               cell.synthetic() ? " (speed only)" : ""),
                                   top, kStripHeight, 0, high);
    draw_strip(svg_, strip, left_, right_);
    svg_.line(left_, strip.axis.at(100), right_, strip.axis.at(100), "ceiling");
    for (const TrialPoint& point : figures.points) {
      svg_.circle(x_.at(minutes(data_, point.wall_s)), strip.axis.at(100 * point.share), 4,
                  point.excluded ? "raw excluded" : "measured",
                  fmt::format("block {}: {:.1f} % of the ceiling, {} tokens/s{}", point.block + 1,
                              100 * point.share, shown(point.tokens_per_s),
                              point.excluded ? " (excluded)" : ""));
    }
  }

  void draw_memory(double top) {
    double high = 0;
    for (const TrialRecord& trial : data_.state.trials) {
      high = std::max(high, trial.result.probe_bytes_per_s() / 1e9);
    }
    const Strip strip = make_strip("Memory read between tokens, GB/s", top, kStripHeight, 0, high);
    draw_strip(svg_, strip, left_, right_);
    for (const TrialRecord& trial : data_.state.trials) {
      const double rate = trial.result.probe_bytes_per_s() / 1e9;
      svg_.circle(x_.at(minutes(data_, trial.wall_s)), strip.axis.at(rate), 3, "context",
                  fmt::format("{} GB/s", shown(rate)));
    }
  }

  void draw_others(double top) {
    double high = 2;
    for (const TrialRecord& trial : data_.state.trials) {
      high = std::max(high, 100 * trial.result.conditions.others_share.value_or(0));
    }
    const Strip strip =
        make_strip("Time taken by other processes, %", top, kStripHeight - 20, 0, high);
    draw_strip(svg_, strip, left_, right_);
    for (const TrialRecord& trial : data_.state.trials) {
      const auto& share = trial.result.conditions.others_share;
      if (!share) continue;
      svg_.circle(x_.at(minutes(data_, trial.wall_s)), strip.axis.at(100 * *share), 3, "context",
                  fmt::format("{:.1f} %", 100 * *share));
    }
  }

  void draw_time_axis(double y) {
    svg_.line(left_, y - 30, right_, y - 30, "axis");
    for (const double tick : x_.ticks()) {
      svg_.text(x_.at(tick), y - 13, Axis::label(tick), "label muted", Anchor::middle);
    }
    svg_.text((left_ + right_) / 2, y + 6, "minutes since the run began", "label muted",
              Anchor::middle);
  }

  const ReportData& data_;
  double left_, right_, height_;
  Axis x_;
  Svg svg_;
};

}  // namespace

Chart block_chart(const ReportData& data) {
  double swing = 0;
  for (const CellFigures& f : data.analysis.cells) {
    const auto [least, most] = std::minmax_element(
        f.points.begin(), f.points.end(),
        [](const TrialPoint& a, const TrialPoint& b) { return a.share < b.share; });
    swing = std::max(swing, most->share / least->share - 1);
  }
  Chart chart;
  chart.id = "blocks";
  chart.title = fmt::format("No cell’s share of the ceiling swung by more than {:.0f} %",
                            std::ceil(100 * swing));
  chart.reading =
      "One dot a trial, in the order in which they ran. Dashed: the ceiling. Hollow grey dots were "
      "excluded by a rule of the plan.";
  chart.wide = BlockPlot(data, kWide).draw();
  chart.narrow = BlockPlot(data, kNarrow).draw();
  chart.data = block_table(data);
  return chart;
}

}  // namespace ceiling::lab
