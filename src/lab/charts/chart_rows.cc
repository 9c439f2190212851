#include <fmt/format.h>

#include "lab/charts/chart.h"

namespace ceiling::lab {
namespace {

constexpr double kTop = 24;  // room for a word over a line

}  // namespace

RowLayout::RowLayout(ChartWidth width, std::size_t rows)
    : width_(width),
      rows_(rows),
      left_(width.narrow ? 14 : 150),
      right_(width.narrow ? width.pixels - 14 : width.pixels - 150),
      row_height_(width.narrow ? 68 : 50) {}

double RowLayout::middle(std::size_t row) const {
  return kTop + row_height_ * static_cast<double>(row) + (width_.narrow ? 49 : 25);
}

double RowLayout::top() const { return kTop; }

double RowLayout::bottom() const { return kTop + row_height_ * static_cast<double>(rows_); }

double RowLayout::height() const { return bottom() + 48; }

void RowLayout::name_row(Svg& svg, std::size_t row, const Cell& cell,
                         std::string_view value) const {
  const std::string note = cell.synthetic() ? "synthetic: speed only" : "real weights";
  name_row(svg, row, cell.title_without_device(),
           cell.on_cpu() ? note : fmt::format("{}; {}", cell.device, note), value);
}

void RowLayout::name_row(Svg& svg, std::size_t row, std::string_view name, std::string_view note,
                         std::string_view value) const {
  const double y = middle(row);
  if (width_.narrow) {
    svg.text(0, y - 33, name, "label strong");
    svg.text(0, y - 19, note, "label muted small");
    svg.text(width_.pixels, y - 33, value, "label", Anchor::end);
    return;
  }
  svg.text(0, y - 2, name, "label strong");
  svg.text(0, y + 14, note, "label muted small");
  svg.text(width_.pixels, y + 4, value, "label", Anchor::end);
}

void RowLayout::draw_line(Svg& svg, double x, std::string_view style) const {
  if (!width_.narrow) return svg.line(x, kTop, x, bottom(), style);
  for (std::size_t row = 0; row < rows_; ++row) {
    svg.line(x, middle(row) - 13, x, middle(row) + 19, style);
  }
}

void RowLayout::draw_axis(Svg& svg, const Axis& axis, std::string_view title) const {
  for (const double tick : axis.ticks()) {
    draw_line(svg, axis.at(tick), "grid");
    svg.text(axis.at(tick), bottom() + 16, Axis::label(tick), "label muted", Anchor::middle);
  }
  svg.line(left_, bottom(), right_, bottom(), "axis");
  svg.text((left_ + right_) / 2, bottom() + 36, title, "label muted", Anchor::middle);
}

}  // namespace ceiling::lab
