// A placement as people read it.
#include <fmt/core.h>

#include <algorithm>

#include "base/units.h"
#include "model/placement.h"

namespace ceiling {

std::string describe(const Placement& placement) {
  std::vector<Segment> rows;  // what a unit reaches alike is one
  for (const Segment& segment : placement.segments) {
    const auto row = std::ranges::find_if(rows, [&](const Segment& one) {
      return one.unit == segment.unit && one.residency == segment.residency;
    });
    if (row == rows.end()) {
      rows.push_back(segment);
      continue;
    }
    const std::size_t number = segment.holds.find_first_of("0123456789");
    row->holds += ", " + segment.holds.substr(number == std::string::npos ? 0 : number);
    row->weight_bytes += segment.weight_bytes;
    row->kv_bytes += segment.kv_bytes;
  }
  std::string out = fmt::format("{:<10} {:<9} {:>12} {:>12}  {}\n", "unit", "residency", "weights",
                                "KV cache", "runs");
  for (const Segment& row : rows) {
    out += fmt::format("{:<10} {:<9} {:>12} {:>12}  {}\n", row.unit, name(row.residency),
                       format_capacity({row.weight_bytes}), format_capacity({row.kv_bytes}),
                       row.holds);
  }
  if (placement.window_bytes > 0) {
    out += fmt::format("window for layers that cross the link: {}\n",
                       format_capacity({placement.window_bytes}));
  }
  if (placement.cut_bytes_per_row > 0) {
    out += fmt::format("between units, each row: {}\n",
                       format_capacity({placement.cut_bytes_per_row}));
  }
  return out;
}

}  // namespace ceiling
