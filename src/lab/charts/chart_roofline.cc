// The roofline (Williams, Waterman and Patterson 2009) with this run's phases on it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

struct Phase {
  std::string name;
  double intensity;  // operations a byte
  double gop_per_s;
  bool decode;
};

// Of the CPU alone: its peaks were measured, those of other devices were not.
std::vector<const CellFigures*> cells_of(const ReportData& data) {
  std::vector<const CellFigures*> cells;
  for (const CellFigures& f : data.analysis.cells) {
    if (data.plan.cells[f.cell].on_cpu()) cells.push_back(&f);
  }
  return cells;
}

std::vector<Phase> phases_of(const ReportData& data) {
  std::vector<Phase> phases;
  for (const CellFigures* figures : cells_of(data)) {
    const CellFigures& f = *figures;
    const Cell& cell = data.plan.cells[f.cell];
    phases.push_back({cell.title(), f.operations_per_token / f.bytes_per_token,
                      f.operations_per_token * f.tokens_per_s.value / 1e9, true});
    phases.push_back({cell.title(), f.prefill_intensity, f.prefill_gop_per_s, false});
  }
  return phases;
}

double memory_gb_per_s(const ReportData& data) {
  std::vector<double> rates;
  for (const CellFigures* f : cells_of(data)) rates.push_back(f->probe_gb_per_s);
  return median(rates);
}

double peak_gop_per_s(const ReportData& data) {
  const PlanMachine& m = data.plan.machine;
  return std::max(m.fma_gflop_per_s, m.int8_gop_per_s);
}

Table table_of(const ReportData& data) {
  Table table{{"Cell", "Weights", "Phase", "Operations a byte", "Gop/s"}, {}, 3};
  const auto phases = phases_of(data);
  const auto cells = cells_of(data);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const Cell& cell = data.plan.cells[cells[i / 2]->cell];
    table.rows.push_back({cell.title(), weights_label(cell),
                          phases[i].decode ? "decode" : "prefill", shown(phases[i].intensity),
                          shown(phases[i].gop_per_s)});
  }
  return table;
}

void draw_roof(Svg& svg, const Plane& plot, double memory, double peak) {
  const double ridge = peak / memory;
  const double low = plot.x.low();
  svg.polyline({{plot.x.at(low), plot.y.at(low * memory)},
                {plot.x.at(std::min(ridge, plot.x.high())),
                 plot.y.at(std::min(peak, plot.x.high() * memory))},
                {plot.x.at(plot.x.high()), plot.y.at(peak)}},
               "ceiling");
  svg.text(plot.right, plot.y.at(peak) - 7, fmt::format("int8 peak {} Gop/s", shown(peak)), "label",
           Anchor::end);
}

// Labels of prefill stand under the flat roof, whose own label stands over it.
void draw_phases(Svg& svg, const Plane& plot, const ReportData& data, double peak) {
  const auto phases = phases_of(data);
  for (const bool decode : {true, false}) {
    std::vector<const Phase*> group;
    std::vector<double> wanted;
    for (const Phase& phase : phases) {
      if (phase.decode != decode) continue;
      group.push_back(&phase);
      wanted.push_back(plot.y.at(phase.gop_per_s) + 4);
    }
    const std::vector<double> labels =
        spread(wanted, 15, decode ? plot.top + 10 : plot.y.at(peak) + 18, plot.bottom - 4);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const double x = plot.x.at(group[i]->intensity);
      const double y = plot.y.at(group[i]->gop_per_s);
      // Decode stands at the left, prefill at the right: labels go inwards.
      const double side = decode ? 1 : -1;
      svg.line(x, y, x + side * 14, labels[i] - 4, "link");
      svg.circle(x, y, 5, decode ? "measured" : "measured hollow",
                 fmt::format("{}, {}: {} Gop/s at {} operations a byte", group[i]->name,
                             decode ? "decode" : "prefill", shown(group[i]->gop_per_s),
                             shown(group[i]->intensity)));
      svg.text(x + side * 17, labels[i], group[i]->name, "label",
               decode ? Anchor::start : Anchor::end);
    }
  }
}

std::string draw(const ReportData& data, ChartWidth width) {
  const double memory = memory_gb_per_s(data);
  const double peak = peak_gop_per_s(data);
  double least_x = 1e300, most_x = 2 * peak / memory, least_y = 1e300, most_y = peak;
  for (const Phase& phase : phases_of(data)) {
    least_x = std::min(least_x, phase.intensity);
    most_x = std::max(most_x, phase.intensity);
    least_y = std::min(least_y, phase.gop_per_s);
    most_y = std::max(most_y, phase.gop_per_s);
  }
  const double height = width.narrow ? 330 : 400;
  Plane plot = Plane::inside(width, height);
  plot.x = Axis::logarithmic(least_x / 1.5, most_x, plot.left, plot.right);
  plot.y = Axis::logarithmic(least_y / 2, 1.3 * most_y, plot.bottom, plot.top);
  Svg svg(
      width.pixels, height,
      fmt::format("Roofline: memory at {} GB/s, arithmetic at {} Gop/s. Decode phases lie at about "
                  "{} operations a byte, prefill phases at hundreds.",
                  shown(memory), shown(peak), shown(phases_of(data).front().intensity)));
  plot.draw(svg, "operations a byte (logarithmic)", "Gop/s (logarithmic)");
  draw_roof(svg, plot, memory, peak);
  draw_phases(svg, plot, data, peak);
  return svg.finish();
}

}  // namespace

bool has_roofline(const ReportData& data) { return !cells_of(data).empty(); }

Chart roofline_chart(const ReportData& data) {
  const auto phases = phases_of(data);
  const double ridge = peak_gop_per_s(data) / memory_gb_per_s(data);
  const bool below = std::all_of(phases.begin(), phases.end(), [&](const Phase& phase) {
    return !phase.decode || phase.intensity < ridge;
  });
  Chart chart;
  chart.id = "roofline";
  chart.title = below ? "Decode stands under the slope, where memory sets the limit"
                      : "Where each phase stands between memory and arithmetic";
  chart.reading = fmt::format(
      "Dashed: the most that memory ({} GB/s between tokens, the slope) and arithmetic (the flat "
      "part) "
      "allow. Solid dots: decode; hollow: prefill.",
      shown(memory_gb_per_s(data)));
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = table_of(data);
  return chart;
}

}  // namespace ceiling::lab
