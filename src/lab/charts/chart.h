// The report's plots. Each is drawn twice, for wide and for narrow screens, and comes with the
// table of what it shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/charts/svg.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {

struct Chart {
  std::string id;
  std::string title;    // what it shows, as a statement
  std::string reading;  // how to read it, one line
  std::string wide, narrow;
  Table data;
};

Chart speed_chart(const ReportData& data);       // measured against the ceiling, each cell
Chart prediction_chart(const ReportData& data);  // sealed predictions, then results
Chart roofline_chart(const ReportData& data);    // rates against operations a byte, on the CPU
bool has_roofline(const ReportData& data);       // some cell ran there
Chart time_chart(const ReportData& data);        // where each millisecond of a token went
Chart block_chart(const ReportData& data);       // every block over time, conditions under it
// Of the interventions; their cells must have been measured (Judgement).
Chart elasticity_chart(const ReportData& data);  // what speed follows: H1 and its controls
Chart dose_chart(const ReportData& data);        // time against doses, up to the knee
Chart type_chart(const ReportData& data);        // H2: time against bytes
Chart fill_chart(const ReportData& data);        // H3: speed while memory fills

// Pieces that charts share.
struct ChartWidth {
  double pixels;
  bool narrow;
};
inline constexpr ChartWidth kWide{680, false};
inline constexpr ChartWidth kNarrow{340, true};

// One row a cell: its name at the left (wide) or above (narrow), the value at the right, and a
// strip for the marks between.
class RowLayout {
 public:
  RowLayout(ChartWidth width, std::size_t rows);
  double left() const { return left_; }
  double right() const { return right_; }
  double middle(std::size_t row) const;  // y of the row's marks
  double top() const;                    // y over the first row
  double bottom() const;                 // y under the last row
  double height() const;                 // with room for an axis
  void name_row(Svg& svg, std::size_t row, const Cell& cell, std::string_view value) const;
  void name_row(Svg& svg, std::size_t row, std::string_view name, std::string_view note,
                std::string_view value) const;
  // Through all rows; where names stand over the marks (narrow), it leaves them out.
  void draw_line(Svg& svg, double x, std::string_view style) const;
  // Ticks under the rows with lines through them, and the axis title.
  void draw_axis(Svg& svg, const Axis& axis, std::string_view title) const;

 private:
  ChartWidth width_;
  std::size_t rows_;
  double left_, right_, row_height_;
};

// The frame of a plot with two axes, which the chart sets.
struct Plane {
  double left, right, top, bottom;
  Axis x, y;
  static Plane inside(ChartWidth width, double height);  // with room for ticks and titles
  void draw(Svg& svg, std::string_view x_title, std::string_view y_title) const;
};

}  // namespace ceiling::lab
