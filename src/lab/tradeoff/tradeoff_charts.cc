#include "lab/tradeoff/tradeoff_charts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "base/units.h"
#include "lab/charts/svg.h"
#include "lab/statistics/statistics.h"
#include "lab/tradeoff/dominance.h"

namespace ceiling::lab {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

// One type as a mark: x with its interval, y the divergence.
struct Mark {
  const TradeoffPoint* point;
  Estimate x;
};

struct Box {
  double left, top, right, bottom;
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Finds room for a label beside its mark, away from marks and labels placed before.
class Labels {
 public:
  Labels(double left, double right, double top, double bottom) : area_{left, top, right, bottom} {}
  void keep_clear(double x_low, double x_high, double y) {
    taken_.push_back({x_low - 6, y - 4, x_high + 6, y + 4});
  }
  // False: there is no room, and the mark stays without a label.
  bool place(Svg& svg, const Estimate& x, double y, std::string_view text, std::string_view style) {
    // As wide as names of types are in a wide face (DejaVu Sans): what has room then has room in
    // all.
    const double width = 8.7 * static_cast<double>(text.size());
    struct Spot {
      double x, dy;
      Anchor anchor;
    };
    const double left = x.low - 9;
    const double right = x.high + 9;
    const std::array<Spot, 8> spots = {{{right, 4, Anchor::start},
                                        {left, 4, Anchor::end},
                                        {x.value, -10, Anchor::middle},
                                        {x.value, 19, Anchor::middle},
                                        {right, -9, Anchor::start},
                                        {right, 18, Anchor::start},
                                        {left, -9, Anchor::end},
                                        {left, 18, Anchor::end}}};
    for (const Spot& spot : spots) {
      const double start = spot.x - (spot.anchor == Anchor::start    ? 0
                                     : spot.anchor == Anchor::middle ? width / 2
                                                                     : width);
      const Box box{start, y + spot.dy - 13, start + width, y + spot.dy + 4};
      const bool inside = box.left >= area_.left && box.right <= area_.right &&
                          box.top >= area_.top && box.bottom <= area_.bottom;
      if (!inside || std::ranges::any_of(taken_, [&](const Box& b) { return b.meets(box); }))
        continue;
      taken_.push_back(box);
      svg.text(spot.x, y + spot.dy, text, style, spot.anchor);
      return true;
    }
    return false;
  }

 private:
  Box area_;
  std::vector<Box> taken_;
};

struct Scatter {
  std::vector<Mark> marks;
  std::string x_title, description;
};

std::string standing(const TradeoffPoint& point) {
  if (!point.dominated_by.empty()) return "; dominated";
  return point.perhaps_dominated_by.empty() ? "" : "; not told whether dominated";
}

std::string hover(const Mark& mark) {
  const TradeoffPoint& p = *mark.point;
  return fmt::format("{}: {}, {} tokens/s, {} nats from the source{}", p.name,
                     format_capacity({p.bytes}), shown(geometric_interval(p.decode, 0.95)),
                     shown(p.quality.mean_kl), standing(p));
}

Axis divergence_axis(const Scatter& scatter, double bottom, double top) {
  double low = 1e300;
  double high = kLeastKl;
  for (const Mark& mark : scatter.marks) {
    if (mark.point->source) continue;
    low = std::min(low, std::max(mark.point->quality.mean_kl, kLeastKl));
    high = std::max(high, mark.point->quality.mean_kl);
  }
  return Axis::logarithmic(std::min(low, high), high, bottom, top);
}

void draw_axes(Svg& svg, const Axis& x, const Axis& y, double floor, const Box& area,
               std::string_view title) {
  for (const double tick : y.ticks()) {
    svg.line(area.left, y.at(tick), area.right, y.at(tick), "grid");
    svg.text(area.left - 6, y.at(tick) + 4, Axis::label(tick), "label muted small", Anchor::end);
  }
  svg.text(0, 12, "divergence, nats a token (logarithmic)", "label muted small");
  for (const double tick : x.ticks()) {
    svg.line(x.at(tick), floor, x.at(tick), floor + 4, "axis");
    svg.text(x.at(tick), floor + 18, Axis::label(tick), "label muted small", Anchor::middle);
  }
  svg.line(area.left, floor, area.right, floor, "axis");
  svg.text(area.left - 6, floor + 4, "0", "label muted small", Anchor::end);
  svg.text((area.left + area.right) / 2, floor + 36, title, "label muted", Anchor::middle);
}

void draw_mark(Svg& svg, const Mark& mark, const Axis& x, double y) {
  const double at = x.at(mark.x.value);
  if (mark.x.n > 1) svg.line(x.at(mark.x.low), y, x.at(mark.x.high), y, "measured-line");
  if (mark.point->source) {
    svg.diamond(at, y, 6, "context", hover(mark));
  } else {
    const bool kept = mark.point->dominated_by.empty() && mark.point->perhaps_dominated_by.empty();
    svg.circle(at, y, 5, kept ? "measured" : "hollow", hover(mark));
    if (!kept && mark.point->dominated_by.empty()) svg.circle(at, y, 2, "measured-dot");
  }
}

struct Drawing {
  std::string svg;
  bool all_named = true;
};

Drawing draw(const Scatter& scatter, ChartWidth width) {
  const double height = width.narrow ? 340 : 380;
  const Box area{54, 26, width.pixels - 14, height - 48};
  double most = 0;
  double farthest = 0;  // end of an interval; those of few blocks may be very long and are cut
  for (const Mark& mark : scatter.marks) {
    most = std::max(most, mark.x.value);
    farthest = std::max(farthest, mark.x.high);
  }
  most = std::min(farthest, 2 * most);
  const Axis x = Axis::linear(0, most, area.left, area.right);
  // The source's zero has no place on a logarithmic axis: it stands on the floor beneath.
  const Axis y = divergence_axis(scatter, area.bottom - 26, area.top);
  Svg svg(width.pixels, height, scatter.description);
  draw_axes(svg, x, y, area.bottom, area, scatter.x_title);
  const auto y_of = [&](const Mark& mark) {
    return mark.point->source ? area.bottom : y.at(mark.point->quality.mean_kl);
  };
  constexpr double kTitle = 16;  // the vertical axis's, above all
  Labels labels(area.left, width.pixels, kTitle, area.bottom);
  Drawing drawing;
  for (const Mark& mark : scatter.marks) {
    draw_mark(svg, mark, x, y_of(mark));
    labels.keep_clear(x.at(mark.x.low), x.at(mark.x.high), y_of(mark));
  }
  for (const Mark& mark : scatter.marks) {
    const Estimate at{x.at(mark.x.value), x.at(mark.x.low), x.at(mark.x.high), mark.x.n};
    const bool named = labels.place(svg, at, y_of(mark), mark.point->name,
                                    mark.point->dominated_by.empty() ? "label" : "label muted");
    drawing.all_named = drawing.all_named && named;
  }
  drawing.svg = svg.finish();
  return drawing;
}

// Of the pairs of types that are told apart in both: the share in which the one that is better in
// one is further from the source; empty: most pairs are not told apart.
using Measure = std::function<Order(const TradeoffPoint&, const TradeoffPoint&)>;
std::optional<double> opposed_pairs(const Tradeoff& tradeoff, const Comparison& comparison,
                                    const Measure& measure) {
  double opposed = 0;
  double told = 0;
  double pairs = 0;
  for (const TradeoffPoint& a : tradeoff.points) {
    for (const TradeoffPoint& b : tradeoff.points) {
      if (&a == &b) break;
      const Order x = measure(a, b);
      const Order y = comparison.divergence(a, b);
      pairs += 1;
      if (x == Order::untold || y == Order::untold) continue;
      told += 1;
      opposed +=
          (x == Order::better && y == Order::worse) || (x == Order::worse && y == Order::better)
              ? 1
              : 0;
    }
  }
  if (told == 0 || told < pairs / 2) return std::nullopt;
  return opposed / told;
}

Chart scatter_chart(const Tradeoff& tradeoff, std::string id, Scatter scatter) {
  scatter.description = "Divergence from the source against " + scatter.x_title + ".";
  for (const Mark& mark : scatter.marks) scatter.description += " " + hover(mark) + ".";
  Chart chart;
  chart.id = std::move(id);
  chart.reading =
      "Lower is nearer to the source, the diamond. Filled: no other is as good in size, decode "
      "speed "
      "and divergence together and better in one; hollow: another is; with a dot: not told apart "
      "from one. Lines: each type's own 95 % interval.";
  const Drawing wide = draw(scatter, kWide);
  const Drawing narrow = draw(scatter, kNarrow);
  if (!wide.all_named || !narrow.all_named)
    chart.reading += " Where marks crowd, names are left out; the numbers beneath have all.";
  chart.wide = wide.svg;
  chart.narrow = narrow.svg;
  chart.data = tradeoff_table(tradeoff);
  return chart;
}

constexpr double kMostPairs = 0.8;
constexpr std::string_view kPlusMinus = "±\u00a0";  // does not part from the error

// "Q4_K_M"; of what is not told, "not told: Q4_0".
std::string dominators(const TradeoffPoint& point) {
  if (!point.dominated_by.empty()) return fmt::format("{}", fmt::join(point.dominated_by, ", "));
  if (point.perhaps_dominated_by.empty()) return "–";
  return fmt::format("not told: {}", fmt::join(point.perhaps_dominated_by, ", "));
}

// "0.0321 ± 0.0007": both in the digits of the value.
std::string shown_divergence(const Quality& quality) {
  const std::string value = shown(quality.mean_kl);
  const auto point = value.find('.');
  const std::size_t decimals = point == std::string::npos ? 0 : value.size() - point - 1;
  return fmt::format("{} {}{:.{}f}", value, kPlusMinus, quality.mean_kl_error, decimals);
}

}  // namespace

Chart size_chart(const Tradeoff& tradeoff) {
  Scatter scatter;
  scatter.x_title = "size, MiB";
  for (const TradeoffPoint& point : tradeoff.points) {
    const double size = static_cast<double>(point.bytes) / kMiB;
    scatter.marks.push_back({&point, {size, size, size, 1}});
  }
  const Comparison comparison(tradeoff.points);
  const auto opposed = opposed_pairs(tradeoff, comparison, Comparison::size);
  Chart chart = scatter_chart(tradeoff, "size", std::move(scatter));
  if (!opposed) {
    chart.title =
        fmt::format("Over {} tokens, most divergences are not told apart", tradeoff.counted_tokens);
  } else {
    chart.title = *opposed >= kMostPairs
                      ? "Smaller files lie further from the source"
                      : "Size alone does not tell how far a type lies from the source";
  }
  return chart;
}

Chart decode_chart(const Tradeoff& tradeoff) {
  Scatter scatter;
  scatter.x_title = "decode, tokens/s";
  for (const TradeoffPoint& point : tradeoff.points)
    scatter.marks.push_back({&point, geometric_interval(point.decode, 0.95)});
  const Comparison comparison(tradeoff.points);
  const auto opposed = opposed_pairs(
      tradeoff, comparison,
      [&](const TradeoffPoint& a, const TradeoffPoint& b) { return comparison.decode(a, b); });
  Chart chart = scatter_chart(tradeoff, "decode", std::move(scatter));
  if (!opposed) {
    chart.title = "Most types are not told apart in speed and divergence";
  } else {
    chart.title = *opposed >= kMostPairs
                      ? "Faster types lie further from the source"
                      : "Speed is not always paid for with distance from the source";
  }
  return chart;
}

Table tradeoff_table(const Tradeoff& tradeoff) {
  Table table;
  // The 99th percentile of the divergences is in the JSON: a ninth column finds no room on a page.
  table.header = {"Type",       "Size",     "Decode, tokens/s", "Prefill, tokens/s",
                  "Perplexity", "KL, nats", "Same top token",   "Dominated by"};
  for (const TradeoffPoint& p : tradeoff.points) {
    const Quality& q = p.quality;
    table.rows.push_back(
        {p.name, format_capacity({p.bytes}), shown(geometric_interval(p.decode, 0.95)),
         shown(geometric_interval(p.prefill, 0.95)),
         fmt::format("{} {}{}", shown(q.perplexity), kPlusMinus, shown(q.perplexity_error)),
         p.source ? "0" : shown_divergence(q), fmt::format("{:.1f} %", 100 * q.top_agreement),
         dominators(p)});
  }
  return table;
}

}  // namespace ceiling::lab
