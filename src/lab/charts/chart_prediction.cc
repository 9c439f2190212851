// Sealed predictions as hollow marks, results as solid ones, a line between.
#include <fmt/format.h>

#include <algorithm>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

struct PredictedCell {
  const CellFigures* figures;
  std::vector<const CellPrediction*> predictions;
};

std::vector<PredictedCell> predicted_cells(const ReportData& data) {
  std::vector<PredictedCell> result;
  for (const CellFigures& figures : data.analysis.cells) {
    PredictedCell cell{&figures, {}};
    for (const CellPrediction& prediction : data.plan.predictions) {
      if (prediction.cell == data.plan.cells[figures.cell].id) {
        cell.predictions.push_back(&prediction);
      }
    }
    result.push_back(std::move(cell));
  }
  return result;
}

std::string describe(const ReportData& data) {
  std::string text = "Predictions sealed before the run, and what was measured.";
  for (const auto& [figures, predictions] : predicted_cells(data)) {
    text += fmt::format(" {}: measured {} tokens/s", cell_name(data, figures->cell),
                        shown(figures->tokens_per_s));
    for (const CellPrediction* p : predictions) {
      text += fmt::format(", {} said {}", p->by, shown(p->median));
    }
    text += ".";
  }
  return text;
}

void draw_prediction(Svg& svg, const Axis& axis, double y, const CellPrediction& prediction,
                     const CellFigures& figures) {
  if (prediction.p95) {
    svg.line(axis.at(prediction.p95->low), y, axis.at(prediction.p95->high), y, "predicted-thin");
  }
  if (prediction.p80) {
    svg.line(axis.at(prediction.p80->low), y, axis.at(prediction.p80->high), y, "predicted-thick");
  }
  const double x = axis.at(prediction.median);
  svg.line(x, y, axis.at(figures.tokens_per_s.value), y + 14, "link");
  const std::string title =
      fmt::format("{} predicted {} tokens/s", prediction.by, shown(prediction.median));
  if (prediction.by == "user") {
    svg.diamond(x, y, 7, "predicted", title);
  } else {
    svg.circle(x, y, 5.5, "predicted", title);
  }
}

std::string draw(const ReportData& data, ChartWidth width) {
  const auto cells = predicted_cells(data);
  double low = 1e300;
  double high = 0;
  const auto include = [&](double value) {
    if (!(value > 0)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const auto& [figures, predictions] : cells) {
    include(figures->tokens_per_s.low);
    include(figures->tokens_per_s.high);
    for (const CellPrediction* p : predictions) {
      include(p->median);
      if (p->p95) include(p->p95->low);
      if (p->p95) include(p->p95->high);
    }
  }
  const RowLayout rows(width, cells.size());
  const Axis axis = Axis::logarithmic(low, high, rows.left(), rows.right());
  Svg svg(width.pixels, rows.height(), describe(data));
  rows.draw_axis(svg, axis, "decode, tokens/s (logarithmic)");
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const CellFigures& figures = *cells[i].figures;
    const double y = rows.middle(i);
    rows.name_row(svg, i, data.plan.cells[figures.cell],
                  fmt::format("measured {}", shown(figures.tokens_per_s.value)));
    for (const CellPrediction* p : cells[i].predictions) {
      if (p->median > 0) draw_prediction(svg, axis, y - 6, *p, figures);
    }
    const Estimate& e = figures.tokens_per_s;
    svg.line(axis.at(e.low), y + 8, axis.at(e.high), y + 8, "measured-line");
    svg.circle(axis.at(e.value), y + 8, 5.5, "measured",
               fmt::format("measured {} tokens/s", shown(e)));
  }
  return svg.finish();
}

std::string title_of(const ReportData& data) {
  std::size_t asked = 0;
  std::size_t hit = 0;
  for (const CellPrediction& p : data.plan.predictions) {
    const CellFigures* figures = data.analysis.find(data.plan, p.cell);
    if (p.by != "program" || figures == nullptr || !p.p80) continue;
    ++asked;
    const double value = figures->tokens_per_s.value;
    hit += value >= p.p80->low && value <= p.p80->high ? 1 : 0;
  }
  if (asked == 0) return "Predictions, then results";
  return fmt::format("{} of {} results fell inside the program’s 80 % interval", hit, asked);
}

}  // namespace

Chart prediction_chart(const ReportData& data) {
  Chart chart;
  chart.id = "prediction";
  chart.title = title_of(data);
  chart.reading =
      "Hollow circle: the program’s median, with its 80 % (thick) and 95 % (thin) interval; hollow "
      "diamond: what the user expected. Solid dot: measured.";
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = prediction_table(data);
  return chart;
}

}  // namespace ceiling::lab
