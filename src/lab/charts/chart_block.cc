// Every trial in its order, block by block, with what the machine was doing under it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

// One strip of the plot: a quantity, its own axis at the left.
struct Strip {
  std::string title;
  Axis axis;
  double top;
};

Strip make_strip(std::string title, double top, double height, double high) {
  return {std::move(title), Axis::linear(0, high, top + height, top, 3), top};
}

std::string excluded_mark(const TrialRecord& trial) {
  return trial.excluded.empty() ? "" : " (excluded)";
}

class BlockPlot {
 public:
  BlockPlot(const ReportData& data, ChartWidth width)
      : data_(data),
        left_(40),
        right_(width.pixels - 8),
        svg_(width.pixels,
             kTop +
                 kStep * static_cast<double>(data.analysis.cells.size() + 1 +
                                             data.plan.devices().size()) +
                 40,
             "Share of the ceiling in every trial, cell by cell and block by block; under it the "
             "memory speed between tokens and the time that other processes took.") {}

  std::string draw() {
    double top = kTop;
    for (const CellFigures& figures : data_.analysis.cells) {
      draw_cell(figures.cell, top);
      top += kStep;
    }
    for (const std::string& device : data_.plan.devices()) {
      draw_memory(device, top);
      top += kStep;
    }
    draw_conditions("Time taken by other processes, %", top, [](const TrialRecord& trial) {
      const auto share = shown_others_share(trial.result.conditions);
      return share ? std::optional(100 * *share) : std::nullopt;
    });
    draw_blocks(top + kHeight);
    return svg_.finish();
  }

 private:
  static constexpr double kTop = 24;
  static constexpr double kStep = 96;
  static constexpr double kHeight = 60;

  double x(std::size_t trial) const {
    const auto count = static_cast<double>(data_.state.trials.size());
    return left_ + (static_cast<double>(trial) + 0.5) / count * (right_ - left_);
  }

  void draw_frame(const Strip& strip) {
    svg_.text(0, strip.top - 9, strip.title, "label strong");
    for (const double tick : strip.axis.ticks()) {
      const double y = strip.axis.at(tick);
      svg_.line(left_, y, right_, y, "grid");
      svg_.text(left_ - 6, y + 4, Axis::label(tick), "label muted", Anchor::end);
    }
  }

  void draw_cell(std::size_t cell, double top) {
    double high = 100;
    for (const TrialRecord& trial : data_.state.trials) {
      if (trial.cell == cell) high = std::max(high, 100 * trial.result.share());
    }
    const Cell& named = data_.plan.cells[cell];
    const Strip strip = make_strip(fmt::format("{}: % of the ceiling{}", named.title(),
                                               named.synthetic() ? " (speed only)" : ""),
                                   top, kHeight, high);
    draw_frame(strip);
    svg_.line(left_, strip.axis.at(100), right_, strip.axis.at(100), "ceiling");
    for (std::size_t i = 0; i < data_.state.trials.size(); ++i) {
      const TrialRecord& trial = data_.state.trials[i];
      if (trial.cell != cell) continue;
      const double share = 100 * trial.result.share();
      svg_.circle(
          x(i), strip.axis.at(share), 4, trial.excluded.empty() ? "measured" : "excluded",
          fmt::format("block {}: {:.1f} % of the ceiling, {} tokens/s{}", trial.slot.block + 1,
                      share, shown(trial.result.tokens_per_s()), excluded_mark(trial)));
    }
  }

  // Each device's own: their rates differ by a hundredfold.
  void draw_memory(const std::string& device, double top) {
    const bool cpu = device == kCpu;
    draw_conditions(
        fmt::format("Memory {}read between tokens, GB/s", cpu ? "" : "of " + device + " "), top,
        [&](const TrialRecord& trial) {
          const bool of_it = data_.plan.cells[trial.cell].device == device;
          return of_it ? std::optional(trial.result.probe_bytes_per_s() / 1e9) : std::nullopt;
        });
  }

  template <typename Get>
  void draw_conditions(const std::string& title, double top, const Get& get) {
    double high = 0;
    for (const TrialRecord& trial : data_.state.trials) {
      high = std::max(high, get(trial).value_or(0));
    }
    const Strip strip = make_strip(title, top, kHeight, std::max(high, 1.0));
    draw_frame(strip);
    std::vector<std::pair<double, double>> points;
    for (std::size_t i = 0; i < data_.state.trials.size(); ++i) {
      const std::optional<double> value = get(data_.state.trials[i]);
      if (value) points.emplace_back(x(i), strip.axis.at(*value));
    }
    svg_.dots(points, "context-dots");
  }

  // A line where each block begins, its number and when that was.
  void draw_blocks(double bottom) {
    svg_.line(left_, bottom, right_, bottom, "axis");
    const auto& trials = data_.state.trials;
    const bool crowded = (right_ - left_) / static_cast<double>(data_.plan.blocks) < 30;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      if (i > 0 && trials[i].slot.block == trials[i - 1].slot.block) continue;
      const double start = i == 0 ? left_ : (x(i - 1) + x(i)) / 2;
      for (double top = kTop; i > 0 && top < bottom; top += kStep) {  // not through the titles
        svg_.line(start, top, start, top + kHeight, "block");
      }
      if (crowded && trials[i].slot.block % 2 == 1) continue;
      svg_.text(start + 2, bottom + 16, fmt::format("{}", trials[i].slot.block + 1), "label");
      const double minutes = (trials[i].wall_s - data_.state.started_wall_s) / 60;
      svg_.text(start + 2, bottom + 31, fmt::format("{:.1f}", minutes), "label muted small");
    }
    svg_.text((left_ + right_) / 2, bottom + 52, "block; under it minutes since the run began",
              "label muted", Anchor::middle);
  }

  const ReportData& data_;
  double left_, right_;
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
      "One dot a trial, in the order in which they ran; a line where a block begins. Dashed: the "
      "ceiling. Hollow grey dots were excluded by a rule of the plan.";
  chart.wide = BlockPlot(data, kWide).draw();
  chart.narrow = BlockPlot(data, kNarrow).draw();
  chart.data = block_table(data);
  return chart;
}

}  // namespace ceiling::lab
