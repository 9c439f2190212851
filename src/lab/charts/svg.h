// Drawings by hand: text stays text, colours come from the page's style by class.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ceiling::lab {

// Text made safe inside HTML and SVG, in content and in attributes.
std::string escaped(std::string_view text);

enum class Anchor { start, middle, end };

// Units are CSS pixels at natural size; the viewBox lets the page scale it.
class Svg {
 public:
  // `description` is what a screen reader says.
  Svg(double width, double height, std::string description);

  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void polyline(const std::vector<std::pair<double, double>>& points, std::string_view style);
  // Many small dots in one element, without titles of their own.
  void dots(const std::vector<std::pair<double, double>>& points, std::string_view style);
  void rect(double x, double y, double width, double height, std::string_view style,
            std::string_view title = {});
  void circle(double x, double y, double radius, std::string_view style,
              std::string_view title = {});
  void diamond(double x, double y, double radius, std::string_view style,
               std::string_view title = {});
  void text(double x, double y, std::string_view content, std::string_view style = "label",
            Anchor anchor = Anchor::start);
  double width() const { return width_; }
  double height() const { return height_; }
  std::string finish() const;

 private:
  void titled(const std::string& element, std::string_view name, std::string_view title);
  double width_, height_;
  std::string description_;
  std::string body_;
};

// Values to pixels, and a few ticks at round numbers.
class Axis {
 public:
  // `low` < `high`; both above 0 for a logarithmic axis, which has at most six ticks. The domain
  // widens to round ends.
  static Axis linear(double low, double high, double from_px, double to_px,
                     std::size_t most_ticks = 6);
  static Axis logarithmic(double low, double high, double from_px, double to_px);
  double at(double value) const;  // clamped to the axis
  const std::vector<double>& ticks() const { return ticks_; }
  static std::string label(double tick);
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  bool log_ = false;
  double low_ = 0, high_ = 1, from_ = 0, to_ = 1;
  std::vector<double> ticks_;
};

// Moves positions apart until neighbours are `gap` away, keeping their order and the range.
std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high);

}  // namespace ceiling::lab
