#include "probe/distribution.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace ceiling::probe {

Distribution::Distribution(std::vector<double> values) : sorted_(std::move(values)) {
  std::sort(sorted_.begin(), sorted_.end());
}

double Distribution::quantile(double share) const {
  if (sorted_.empty()) return 0;
  const double place = share * static_cast<double>(sorted_.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted_.size() - 1);
  return std::lerp(sorted_[below], sorted_[above], place - static_cast<double>(below));
}

double Distribution::spread() const {
  const double middle = median();
  return middle > 0 ? (quantile(0.9) - quantile(0.1)) / middle : 0;
}

}  // namespace ceiling::probe
