#include "lab/charts/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace ceiling::lab {
namespace {

constexpr std::size_t kMostTicks = 6;

std::string px(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string_view name(Anchor anchor) {
  switch (anchor) {
    case Anchor::middle:
      return "middle";
    case Anchor::end:
      return "end";
    default:
      return "start";
  }
}

// 1, 2 and 5 times powers of ten, ascending, that lie in [low, high].
std::vector<double> round_numbers(double low, double high, std::initializer_list<int> digits) {
  std::vector<double> result;
  for (int decade = static_cast<int>(std::floor(std::log10(low)));
       decade <= static_cast<int>(std::ceil(std::log10(high))); ++decade) {
    for (const int digit : digits) {
      const double value = digit * std::pow(10, decade);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) result.push_back(value);
    }
  }
  return result;
}

double round_step(double span, std::size_t most_ticks) {
  const double raw = span / static_cast<double>(most_ticks - 1);
  const double decade = std::pow(10, std::floor(std::log10(raw)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * decade >= raw * (1 - 1e-9)) return digit * decade;
  }
  return 10 * decade;
}

// Every second one, until few enough are left.
std::vector<double> thinned(std::vector<double> ticks, std::size_t most_ticks) {
  while (ticks.size() > most_ticks) {
    std::vector<double> fewer;
    for (std::size_t i = 0; i < ticks.size(); i += 2) fewer.push_back(ticks[i]);
    ticks = std::move(fewer);
  }
  return ticks;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Svg::Svg(double width, double height, std::string description)
    : width_(width), height_(height), description_(std::move(description)) {}

void Svg::titled(const std::string& element, std::string_view name, std::string_view title) {
  body_ += title.empty()
               ? fmt::format("{}/>\n", element)
               : fmt::format("{}><title>{}</title></{}>\n", element, escaped(title), name);
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", style,
                       px(x1), px(y1), px(x2), px(y2));
}

void Svg::polyline(const std::vector<std::pair<double, double>>& points, std::string_view style) {
  std::string list;
  for (const auto& [x, y] : points) {
    list += fmt::format("{}{},{}", list.empty() ? "" : " ", px(x), px(y));
  }
  body_ += fmt::format("<polyline class=\"{}\" points=\"{}\"/>\n", style, list);
}

void Svg::dots(const std::vector<std::pair<double, double>>& points, std::string_view style) {
  std::string path;
  for (const auto& [x, y] : points) path += fmt::format("M{},{}h0", px(x), px(y));
  body_ += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", style, path);
}

void Svg::rect(double x, double y, double width, double height, std::string_view style,
               std::string_view title) {
  titled(fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", style,
                     px(x), px(y), px(width), px(height)),
         "rect", title);
}

void Svg::circle(double x, double y, double radius, std::string_view style,
                 std::string_view title) {
  titled(fmt::format("<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"", style, px(x), px(y),
                     px(radius)),
         "circle", title);
}

void Svg::diamond(double x, double y, double radius, std::string_view style,
                  std::string_view title) {
  titled(fmt::format("<polygon class=\"{}\" points=\"{},{} {},{} {},{} {},{}\"", style, px(x),
                     px(y - radius), px(x + radius), px(y), px(x), px(y + radius), px(x - radius),
                     px(y)),
         "polygon", title);
}

void Svg::text(double x, double y, std::string_view content, std::string_view style,
               Anchor anchor) {
  body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n", style,
                       px(x), px(y), name(anchor), escaped(content));
}

std::string Svg::finish() const {
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" "
      "xmlns=\"http://www.w3.org/2000/svg\">\n{}</svg>\n",
      px(width_), px(height_), escaped(description_), body_);
}

Axis Axis::linear(double low, double high, double from_px, double to_px, std::size_t most_ticks) {
  Axis axis;
  const double step = round_step(high - low, most_ticks);
  axis.low_ = std::floor(low / step + 1e-9) * step;
  axis.high_ = std::ceil(high / step - 1e-9) * step;
  axis.from_ = from_px;
  axis.to_ = to_px;
  for (int i = 0; axis.low_ + i * step <= axis.high_ + step / 2; ++i) {
    axis.ticks_.push_back(axis.low_ + i * step);
  }
  axis.ticks_ = thinned(std::move(axis.ticks_), most_ticks);
  return axis;
}

Axis Axis::logarithmic(double low, double high, double from_px, double to_px) {
  Axis axis;
  axis.log_ = true;
  const std::vector<double> around = round_numbers(low / 10, high * 10, {1, 2, 5});
  axis.low_ = *(std::upper_bound(around.begin(), around.end(), low * (1 + 1e-9)) - 1);
  axis.high_ = *std::lower_bound(around.begin(), around.end(), high * (1 - 1e-9));
  if (axis.high_ <= axis.low_) axis.high_ = axis.low_ * 2;
  axis.from_ = from_px;
  axis.to_ = to_px;
  axis.ticks_ = round_numbers(axis.low_, axis.high_, {1, 2, 5});
  if (axis.ticks_.size() > kMostTicks) axis.ticks_ = round_numbers(axis.low_, axis.high_, {1, 5});
  if (axis.ticks_.size() > kMostTicks) axis.ticks_ = round_numbers(axis.low_, axis.high_, {1});
  axis.ticks_ = thinned(std::move(axis.ticks_), kMostTicks);
  return axis;
}

double Axis::at(double value) const {
  const double inside = std::clamp(value, low_, high_);
  const double share =
      log_ ? std::log(inside / low_) / std::log(high_ / low_) : (inside - low_) / (high_ - low_);
  return from_ + share * (to_ - from_);
}

std::string Axis::label(double tick) {
  if (std::abs(tick) >= 10000)
    return fmt::format("{:.0f} {:03.0f}", std::floor(tick / 1000), std::fmod(tick, 1000));
  return fmt::format("{:g}", std::round(tick * 1e6) / 1e6);
}

std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high) {
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> placed = wanted;
  double least = low;
  for (const std::size_t i : order) {
    placed[i] = std::max(placed[i], least);
    least = placed[i] + gap;
  }
  double most = high;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    placed[*i] = std::min(placed[*i], most);
    most = placed[*i] - gap;
  }
  return placed;
}

}  // namespace ceiling::lab
