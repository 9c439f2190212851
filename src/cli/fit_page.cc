// The page of `ceiling fit --compare`: speed over model size, machine by machine.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/units.h"
#include "cli/fit_report.h"
#include "lab/charts/chart.h"
#include "lab/charts/svg.h"
#include "lab/report/page.h"

namespace ceiling::cli {
namespace {

constexpr double kLeftMargin = 46;
constexpr double kTop = 26;

struct Line {
  std::string name;
  std::string style;
  std::vector<const fit::CurvePoint*> points;
  std::optional<double> spills_from;  // billions of parameters
};

bool runs(const fit::CurvePoint& point) {
  return point.answer.verdict != fit::Verdict::does_not_fit;
}

std::vector<std::string> types_of(const fit::Curve& curve) {
  std::vector<std::string> types;
  for (const fit::CurvePoint& point : curve.points) {
    if (std::ranges::find(types, point.type) == types.end()) types.push_back(point.type);
  }
  return types;
}

Line line_of(const fit::Curve& curve, const std::string& type, std::string name,
             std::string style) {
  Line line{.name = std::move(name), .style = std::move(style), .points = {}, .spills_from = {}};
  for (const fit::CurvePoint& point : curve.points) {
    if (point.type == type) line.points.push_back(&point);
  }
  for (const auto& spill : curve.spills) {
    if (spill.type == type) line.spills_from = spill.billions;
  }
  return line;
}

// Along the line through the sizes that run, and on past its end as the last two lead.
double speed_at(const Line& line, double billions) {
  std::vector<const fit::CurvePoint*> running;
  for (const fit::CurvePoint* point : line.points) {
    if (runs(*point)) running.push_back(point);
  }
  if (running.size() < 2) return running.front()->answer.tokens_per_s.median;
  std::size_t above = 1;
  while (above + 1 < running.size() && running[above]->billions < billions) ++above;
  const fit::CurvePoint& a = *running[above - 1];
  const fit::CurvePoint& b = *running[above];
  const double along = std::log(billions / a.billions) / std::log(b.billions / a.billions);
  return a.answer.tokens_per_s.median *
         std::pow(b.answer.tokens_per_s.median / a.answer.tokens_per_s.median, along);
}

// Axes, reading thresholds, and the lines with intervals, labelled where they begin.
class SpeedChart {
 public:
  SpeedChart(lab::ChartWidth width, std::vector<Line> lines, std::string description)
      : lines_(std::move(lines)),
        height_(width.narrow ? 300 : 360),
        right_(width.pixels - (width.narrow ? 88 : 150)),
        x_(lab::Axis::logarithmic(0.4, 100, kLeftMargin, right_)),
        y_(y_axis()),
        svg_(width.pixels, height_ + 12, std::move(description)) {}

  std::string draw() {
    draw_axes();
    for (const Line& line : lines_) draw_line(line);
    draw_names();
    return svg_.finish();
  }

 private:
  double bottom() const { return height_ - 44; }

  lab::Axis y_axis() const {
    double low = 10;
    double high = 30;
    for (const Line& line : lines_) {
      for (const fit::CurvePoint* point : line.points) {
        if (!runs(*point)) continue;
        low = std::min(low, point->answer.tokens_per_s.p80.low);
        high = std::max(high, point->answer.tokens_per_s.p80.high);
      }
    }
    return lab::Axis::logarithmic(low, high, bottom(), kTop);
  }

  void draw_axes() {
    svg_.text(0, 12, "decode, tokens/s (logarithmic)", "label muted small");
    for (const double tick : y_.ticks()) {
      svg_.line(kLeftMargin, y_.at(tick), right_, y_.at(tick), "grid");
      svg_.text(kLeftMargin - 6, y_.at(tick) + 4, lab::Axis::label(tick), "label muted small",
                lab::Anchor::end);
    }
    for (const double billions : {0.5, 1.0, 3.0, 8.0, 13.0, 32.0, 70.0}) {
      svg_.line(x_.at(billions), bottom(), x_.at(billions), bottom() + 4, "axis");
      if (billions == 13.0) continue;  // no room beside 8
      svg_.text(x_.at(billions), bottom() + 18, fmt::format("{:g}", billions), "label muted small",
                lab::Anchor::middle);
    }
    svg_.line(kLeftMargin, bottom(), right_, bottom(), "axis");
    svg_.text((kLeftMargin + right_) / 2, bottom() + 36, "parameters, billions (logarithmic)",
              "label muted", lab::Anchor::middle);
    svg_.line(kLeftMargin, y_.at(30), right_, y_.at(30), "ceiling");
    svg_.text(kLeftMargin + 4, y_.at(30) - 4, "comfortable reading", "label muted small");
    svg_.line(kLeftMargin, y_.at(10), right_, y_.at(10), "ceiling");
    svg_.text(kLeftMargin + 4, y_.at(10) - 4, "slow", "label muted small");
  }

  void draw_line(const Line& line) {
    std::vector<std::pair<double, double>> path;
    for (const fit::CurvePoint* point : line.points) {
      if (!runs(*point)) break;
      path.emplace_back(x_.at(point->billions), y_.at(point->answer.tokens_per_s.median));
    }
    svg_.polyline(path, line.style);
    for (const fit::CurvePoint* point : line.points) {
      if (!runs(*point)) break;
      const fit::Prediction& p = point->answer.tokens_per_s;
      const double at = x_.at(point->billions);
      svg_.line(at, y_.at(p.p80.low), at, y_.at(p.p80.high), line.style);
      svg_.circle(at, y_.at(p.median), 4,
                  point->answer.verdict == fit::Verdict::spills ? "spill" : line.style + "-mark",
                  fmt::format("{} {} {}: {} tokens/s, {}", line.name, point->shape, point->type,
                              with_interval(p), name(point->answer.verdict)));
    }
    if (line.spills_from && !path.empty()) {
      const double at = std::clamp(*line.spills_from, 0.4, 100.0);
      svg_.diamond(x_.at(at), y_.at(speed_at(line, at)), 7, "spill",
                   fmt::format("{} no longer fits from {:.1f} billion parameters", line.name, at));
    }
  }

  // A baseline near the wanted one whose letters no threshold runs through.
  double beside_thresholds(double baseline) const {
    constexpr double kAscent = 10;
    constexpr double kDescent = 4;
    for (const double speed : {10.0, 30.0}) {
      const double line = y_.at(speed);
      if (line < baseline - kAscent || line > baseline + kDescent) continue;
      return line > baseline - kAscent / 2 ? line - kDescent - 1 : line + kAscent + 2;
    }
    return baseline;
  }

  void draw_names() {
    std::vector<double> wanted;
    std::vector<const Line*> named;
    for (const Line& line : lines_) {
      const fit::CurvePoint* last = nullptr;
      for (const fit::CurvePoint* point : line.points) {
        if (runs(*point)) last = point;
      }
      if (last == nullptr) continue;
      if (last != line.points.back()) {  // the line ends early: its name stands at its end
        svg_.text(x_.at(last->billions) + 9,
                  beside_thresholds(y_.at(last->answer.tokens_per_s.median) + 4), line.name,
                  "label small");
        continue;
      }
      wanted.push_back(y_.at(last->answer.tokens_per_s.median));
      named.push_back(&line);
    }
    std::vector<std::size_t> order(named.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return wanted[i]; });
    std::vector<double> sorted;
    sorted.reserve(order.size());
    for (const std::size_t i : order) sorted.push_back(wanted[i]);
    const std::vector<double> at = lab::spread(sorted, 16, kTop, bottom());
    for (std::size_t i = 0; i < order.size(); ++i) {
      svg_.text(right_ + 6, at[i] + 4, named[order[i]]->name, "label small");
    }
  }

  std::vector<Line> lines_;
  double height_, right_;
  lab::Axis x_, y_;
  lab::Svg svg_;
};

// "M4 Pro 20c" beside a line is enough.
std::string short_name(const fit::Curve& curve) {
  std::string name = curve.machine.hardware.name;
  for (const char* maker : {"Apple ", "Radeon ", "Instinct "}) {
    if (name.starts_with(maker)) name.erase(0, std::string_view(maker).size());
  }
  return name.substr(0, name.find(" ("));
}

lab::Table table_of(const std::vector<fit::Curve>& curves) {
  lab::Table table;
  table.header = {"machine",   "model",           "type", "verdict", "why",
                  "needs GiB", "tokens/s (80 %)", "95 %"};
  table.text_columns = 5;
  for (const fit::Curve& curve : curves) {
    for (const fit::CurvePoint& point : curve.points) {
      const fit::Answer& a = point.answer;
      const bool fits = runs(point);
      table.rows.push_back(
          {curve.machine.hardware.name, point.shape, point.type, std::string(name(a.verdict)),
           fits ? a.reason : "-",
           fmt::format("{:.1f}", static_cast<double>(a.need.total()) / (1U << 30U)),
           fits ? with_interval(a.tokens_per_s) : "-",
           fits ? fmt::format("{}–{}", format_count(a.tokens_per_s.p95.low),
                              format_count(a.tokens_per_s.p95.high))
                : "-"});
    }
  }
  return table;
}

lab::Chart chart_of(std::string id, std::string title, std::string reading,
                    const std::vector<Line>& lines, lab::Table data) {
  lab::Chart chart;
  chart.id = std::move(id);
  chart.title = std::move(title);
  chart.reading = std::move(reading);
  std::string description = chart.title + ".";
  for (const Line& line : lines) {
    description += fmt::format(" {}:", line.name);
    for (const fit::CurvePoint* point : line.points) {
      if (runs(*point)) {
        description += fmt::format(" {} at {},", format_count(point->answer.tokens_per_s.median),
                                   point->shape);
      }
    }
  }
  chart.wide = SpeedChart(lab::kWide, lines, description).draw();
  chart.narrow = SpeedChart(lab::kNarrow, lines, description).draw();
  chart.data = std::move(data);
  return chart;
}

// "At 70B: RTX 4090 3.3 (2.1-5.2), spilled; M3 Ultra 80c 12.3 (11.3-13.4) tokens/s."
std::string at_the_largest(const std::vector<fit::Curve>& curves) {
  std::string text;
  std::string size;
  for (const fit::Curve& curve : curves) {
    const std::string type = types_of(curve).front();
    for (const fit::CurvePoint& point : curve.points) {
      if (point.type == type) size = point.shape;
    }
    const auto at = std::ranges::find_if(curve.points, [&](const fit::CurvePoint& point) {
      return point.type == type && point.shape == size;
    });
    text += fmt::format("{}{} {}{}", text.empty() ? "" : "; ", short_name(curve),
                        runs(*at) ? with_interval(at->answer.tokens_per_s) : "does not hold it",
                        at->answer.verdict == fit::Verdict::spills ? ", spilled" : "");
  }
  return fmt::format("At {}, tokens/s: {}.", size, text);
}

std::string answer_sentence(const std::vector<fit::Curve>& curves) {
  std::string text;
  for (const fit::Curve& curve : curves) {
    const std::string type = types_of(curve).front();
    const fit::CurvePoint* largest = nullptr;
    for (const fit::CurvePoint& point : curve.points) {
      const bool fits = point.answer.verdict == fit::Verdict::comfortable ||
                        point.answer.verdict == fit::Verdict::tight;
      if (point.type == type && fits) largest = &point;
    }
    text += largest == nullptr
                ? fmt::format("{} holds none of these sizes. ", short_name(curve))
                : fmt::format("{} holds up to {} at {} and makes {} tokens/s of it. ",
                              short_name(curve), largest->shape, type,
                              with_interval(largest->answer.tokens_per_s));
  }
  return text + at_the_largest(curves);
}

// What each machine is taken to be.
lab::Table inputs_of(const std::vector<fit::Curve>& curves) {
  lab::Table table;
  table.header = {"machine", "backend", "beside it", "memory", "for a model", "GB/s"};
  table.text_columns = 3;
  for (const fit::Curve& curve : curves) {
    const fit::Question& q = curve.machine;
    const std::string host =
        q.hardware.kind == fit::Kind::discrete
            ? fmt::format("host of {} at {:.0f} GB/s", format_capacity({q.host.memory_bytes}),
                          q.host.bandwidth.gb_per_s())
            : "-";
    table.rows.push_back({q.hardware.name, std::string(name(q.engine.backend)), host,
                          format_capacity({q.memory_bytes}),
                          format_capacity({curve.points.front().answer.budget.usable()}),
                          fmt::format("{:.0f}", q.hardware.bandwidth.gb_per_s())});
  }
  return table;
}

}  // namespace

std::string compare_page(const std::vector<fit::Curve>& curves, const std::string& command_line) {
  constexpr std::array<const char*, 4> kStyles = {"series-0", "series-1", "series-2", "series-3"};
  std::string names;
  std::vector<Line> machines;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    names += (names.empty() ? "" : ", ") + short_name(curves[i]);
    machines.push_back(line_of(curves[i], types_of(curves[i]).front(), short_name(curves[i]),
                               kStyles[i % kStyles.size()]));
  }
  const std::string main_type = types_of(curves.front()).front();
  std::string body = lab::page_head(names + ": what fits and how fast");
  body += fmt::format("<header><h1>{}</h1>\n", lab::escaped(names));
  body += lab::paragraph(answer_sentence(curves));
  body += "</header>\n<main id=\"answer\">\n";
  body += lab::figure_html(chart_of(
      "machines", fmt::format("Speed falls with size, and falls off where {} spills", main_type),
      "Each line is one machine; bars are 80 % intervals, a diamond marks where the model no "
      "longer "
      "fits the device.",
      machines, table_of(curves)));
  for (std::size_t i = 0; i < curves.size(); ++i) {
    std::vector<Line> types;
    const std::vector<std::string> type_names = types_of(curves[i]);
    types.reserve(type_names.size());
    for (std::size_t t = 0; t < type_names.size(); ++t) {
      types.push_back(
          line_of(curves[i], type_names[t], type_names[t], kStyles[t % kStyles.size()]));
    }
    body += lab::figure_html(chart_of(
        fmt::format("machine-{}", i + 1),
        fmt::format("{}: fewer bytes a weight, more tokens", curves[i].machine.hardware.name),
        "Each line is one type of weights.", types, table_of({curves[i]})));
  }
  body += lab::section(
      "how", "How these figures come about",
      lab::paragraph(
          "Bytes and operations are counted from the model's Program; times come from a model that "
          "was fitted to published results of llama.cpp (docs/results/planner.md says how well it "
          "does on machines that it never saw). Spilled layers run on a host with two channels of "
          "DDR5-5600 unless told otherwise. Nothing here was measured on these machines.") +
          lab::table_html(inputs_of(curves)) +
          lab::paragraph(fmt::format("Context {}, prompt {} tokens; less where a model was trained "
                                     "for less.",
                                     curves.front().machine.context,
                                     curves.front().machine.prompt)) +
          lab::paragraph("Make it again: " + command_line));
  return body + lab::page_foot(CEILING_VERSION);
}

}  // namespace ceiling::cli
