#include "base/edit_distance.h"

#include <algorithm>
#include <vector>

namespace ceiling {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string_view> nearest_three(
    std::vector<std::pair<std::size_t, std::string_view>> names_by_distance) {
  std::ranges::stable_sort(names_by_distance, {}, &std::pair<std::size_t, std::string_view>::first);
  std::vector<std::string_view> names;
  for (const auto& [distance, name] : names_by_distance) {
    if (names.size() < 3) names.push_back(name);
  }
  return names;
}

}  // namespace ceiling
