// All readings of one thing, for what they have in common and how far they differ: never only the
// best.
#pragma once

#include <vector>

namespace ceiling::probe {

class Distribution {
 public:
  Distribution() = default;
  explicit Distribution(std::vector<double> values);  // any order
  const std::vector<double>& sorted() const { return sorted_; }
  // 0 <= share <= 1; linear between neighbours (Hyndman and Fan's type 7). 0 without values.
  double quantile(double share) const;
  double median() const { return quantile(0.5); }
  // Width of the middle 80 % in relation to the median: 0.1 means that readings differ by about a
  // tenth.
  double spread() const;

 private:
  std::vector<double> sorted_;
};

}  // namespace ceiling::probe
