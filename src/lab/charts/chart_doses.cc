// Time of a step against what was dilated, beyond the local doses: where slack ends.
#include <fmt/format.h>

#include <algorithm>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

struct Point {
  double dilated;
  Estimate time;
};

struct Series {
  std::string name, style;
  std::vector<Point> points;  // ascending
};

std::vector<Series> series_of(const TreatedFigures& figures) {
  std::vector<Series> all = {
      {"bytes", "measured", {}}, {"arithmetic", "attention", {}}, {"sequences", "reference", {}}};
  for (const TreatedFigures::Dose& dose : figures.doses) {
    const Treatment& t = dose.treatment;
    if (t.cached_bytes > 0) continue;
    if (t.sequences > 1) all[2].points.push_back({static_cast<double>(t.sequences), dose.time});
    if (t.bytes > 0) all[0].points.push_back({1 + t.bytes, dose.time});
    if (t.arithmetic > 0) all[1].points.push_back({1 + t.arithmetic, dose.time});
  }
  const Point base{1, {1, 1, 1, 1}};
  for (Series& series : all) {
    series.points.push_back(base);
    std::sort(series.points.begin(), series.points.end(),
              [](const Point& a, const Point& b) { return a.dilated < b.dilated; });
  }
  return all;
}

void draw_series(Svg& svg, const Plane& plane, const Series& series) {
  std::vector<std::pair<double, double>> line;
  for (const Point& point : series.points) {
    line.emplace_back(plane.x.at(point.dilated), plane.y.at(point.time.value));
  }
  svg.polyline(line, series.style + "-path");
  for (const Point& point : series.points) {
    const double x = plane.x.at(point.dilated);
    svg.line(x, plane.y.at(point.time.low), x, plane.y.at(point.time.high), "link");
    svg.circle(x, plane.y.at(point.time.value), 4, series.style + "-dot",
               fmt::format("{} times the {}: {} times the time", shown(point.dilated), series.name,
                           shown(point.time)));
  }
}

std::string draw(const ReportData& data, ChartWidth width) {
  const TreatedFigures& figures = *data.analysis.judgement.treated;
  const std::vector<Series> all = series_of(figures);
  double most_x = 2, most_y = 2;
  std::string text = "Time of a decode step against what it was dilated by, speed only.";
  for (const Series& series : all) {
    for (const Point& point : series.points) {
      most_x = std::max(most_x, point.dilated);
      most_y = std::max(most_y, point.time.high);
    }
    const Point& last = series.points.back();
    text += fmt::format(" {} times the {}: {} times the time.", shown(last.dilated), series.name,
                        shown(last.time.value));
  }
  const double height = width.narrow ? 300 : 360;
  Plane plane = Plane::inside(width, height);
  plane.right -= width.narrow ? 60 : 80;  // the names of the lines
  plane.x = Axis::logarithmic(1, most_x, plane.left, plane.right);
  plane.y = Axis::logarithmic(0.95, most_y, plane.bottom, plane.top);
  Svg svg(width.pixels, height, text);
  plane.draw(svg, "times as much (logarithmic)", "times as long (logarithmic)");
  std::vector<double> wanted;
  for (const Series& series : all) {
    draw_series(svg, plane, series);
    wanted.push_back(plane.y.at(series.points.back().time.value) + 4);
  }
  const std::vector<double> placed = spread(wanted, 15, plane.top + 6, plane.bottom);
  for (std::size_t i = 0; i < all.size(); ++i) {
    svg.text(plane.x.at(all[i].points.back().dilated) + 8, placed[i], all[i].name, "label");
  }
  return svg.finish();
}

}  // namespace

Chart dose_chart(const ReportData& data) {
  const TreatedFigures& figures = *data.analysis.judgement.treated;
  const auto all = series_of(figures);
  const auto at_two = std::find_if(all[1].points.begin(), all[1].points.end(),
                                   [](const Point& p) { return p.dilated == 2; });
  Chart chart;
  chart.id = "doses";
  chart.title =
      at_two == all[1].points.end()
          ? "How far bytes, arithmetic and sequences can grow before time does"
          : fmt::format("Twice the arithmetic takes {:.2f} times as long", at_two->time.value);
  chart.reading = fmt::format(
      "{}, synthetic weights: speed only. A flat line is slack: more of it costs no time. Bars: 95 "
      "% "
      "over processes.",
      data.plan.cells[figures.cell].size);
  if (!data.plan.cells[figures.cell].synthetic()) {
    chart.reading = "A flat line is slack: more of it costs no time. Bars: 95 % over processes.";
  }
  chart.wide = draw(data, kWide);
  chart.narrow = draw(data, kNarrow);
  chart.data = {{"What", "Times as much", "Times as long (95 %)"}, {}, 1};
  for (const Series& series : all) {
    for (const Point& point : series.points) {
      chart.data.rows.push_back({series.name, shown(point.dilated), shown(point.time)});
    }
  }
  for (const TreatedFigures::Dose& dose : figures.doses) {
    if (dose.treatment.cached_bytes <= 0) continue;
    chart.data.rows.push_back(
        {"placebo loads", shown(1 + dose.treatment.cached_bytes), shown(dose.time)});
  }
  return chart;
}

}  // namespace ceiling::lab
