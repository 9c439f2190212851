// Which of a tradeoff's types are told apart, and which of them another makes pointless.
#pragma once

#include <span>
#include <vector>

#include "lab/tradeoff/tradeoff.h"

namespace ceiling::lab {

inline constexpr double kLeastKl = 1e-6;  // nats; below it a divergence is rounding

// Of one type against another: `untold` where the measurements do not tell them apart.
enum class Order { better, worse, equal, untold };

// At 95 % for all pairs of points at once (Bonferroni), so that picking the pairs afterwards is
// allowed. Speeds: two-way layout of logarithms, types by blocks, in which what a block does to all
// types cancels; a pair's margin comes from the scatter of all types, or from its own where that is
// larger. Divergences: both standard errors, as if independent, which is cautious for types that
// predict one text.
class Comparison {
 public:
  explicit Comparison(std::span<const TradeoffPoint> points);

  static Order size(const TradeoffPoint& a, const TradeoffPoint& b);  // smaller is better; exact
  Order decode(const TradeoffPoint& a, const TradeoffPoint& b) const;
  Order divergence(const TradeoffPoint& a, const TradeoffPoint& b) const;

  // Speeds count as different beyond this ratio, at least, which is above 1; infinite with a single
  // block.
  double decode_margin() const;

 private:
  double least_scatter_ = 0;  // standard deviation of a pair's log ratio over the blocks
  double decode_errors_ = 0;  // so many standard errors of a pair's mean log ratio; 0: no blocks
  double kl_errors_ = 0;      // so many of a difference
  std::size_t blocks_ = 0;
};

// Fills dominated_by and perhaps_dominated_by of every point.
void mark_dominated(std::vector<TradeoffPoint>& points);

// The type with the highest mean decode speed, and those that are not told apart from it.
struct Fastest {
  const TradeoffPoint* point = nullptr;
  std::vector<const TradeoffPoint*> untold;
};
Fastest fastest(const std::vector<TradeoffPoint>& points);

}  // namespace ceiling::lab
