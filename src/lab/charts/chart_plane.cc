#include "lab/charts/chart.h"

namespace ceiling::lab {

Plane Plane::inside(ChartWidth width, double height) {
  return {44, width.pixels - 20, 26, height - 44, {}, {}};
}

void Plane::draw(Svg& svg, std::string_view x_title, std::string_view y_title) const {
  for (const double tick : x.ticks()) {
    svg.line(x.at(tick), top, x.at(tick), bottom, "grid");
    svg.text(x.at(tick), bottom + 16, Axis::label(tick), "label muted", Anchor::middle);
  }
  for (const double tick : y.ticks()) {
    svg.line(left, y.at(tick), right, y.at(tick), "grid");
    svg.text(left - 6, y.at(tick) + 4, Axis::label(tick), "label muted", Anchor::end);
  }
  svg.text((left + right) / 2, bottom + 36, x_title, "label muted", Anchor::middle);
  svg.text(0, 12, y_title, "label muted");
}

}  // namespace ceiling::lab
