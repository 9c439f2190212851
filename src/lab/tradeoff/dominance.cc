#include "lab/tradeoff/dominance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {
namespace {

constexpr double kError = 0.05;  // of all pairs together

double mean_log(const TradeoffPoint& point) {
  double sum = 0;
  for (const double rate : point.decode) sum += std::log(rate);
  return point.decode.empty() ? 0 : sum / static_cast<double>(point.decode.size());
}

// Mean square of what neither the type nor the block explains, with (types - 1) (blocks - 1)
// degrees of freedom.
double residual_variance(std::span<const TradeoffPoint> points, std::size_t blocks) {
  std::vector<double> of_block(blocks);
  double all = 0;
  for (const TradeoffPoint& point : points) {
    for (std::size_t b = 0; b < blocks; ++b)
      of_block[b] += std::log(point.decode[b]) / static_cast<double>(points.size());
    all += mean_log(point) / static_cast<double>(points.size());
  }
  double squares = 0;
  for (const TradeoffPoint& point : points) {
    const double own = mean_log(point);
    for (std::size_t b = 0; b < blocks; ++b) {
      const double rest = std::log(point.decode[b]) - own - of_block[b] + all;
      squares += rest * rest;
    }
  }
  return squares / static_cast<double>((points.size() - 1) * (blocks - 1));
}

// Of every pair of points: the share of the error that it may make at one end.
double tail(std::size_t points) {
  const auto pairs = static_cast<double>(points * (points - 1)) / 2;
  return kError / (2 * pairs);
}

// Of the points, how many blocks all have; 0: they differ.
std::size_t common_blocks(std::span<const TradeoffPoint> points) {
  const std::size_t blocks = points[0].decode.size();
  const bool same = std::ranges::all_of(
      points, [&](const TradeoffPoint& point) { return point.decode.size() == blocks; });
  return same ? blocks : 0;
}

Order by_margin(double advantage, double margin) {
  if (advantage > margin) return Order::better;
  return advantage < -margin ? Order::worse : Order::untold;
}

bool no_worse(Order order) { return order == Order::better || order == Order::equal; }

}  // namespace

Comparison::Comparison(std::span<const TradeoffPoint> points) {
  if (points.size() < 2) return;
  const double probability = 1 - tail(points.size());
  constexpr double kMany = 1e6;  // degrees of freedom: tokens, not blocks
  kl_errors_ = t_quantile(probability, kMany);
  blocks_ = common_blocks(points);
  if (blocks_ < 2) return;
  least_scatter_ = std::sqrt(2 * residual_variance(points, blocks_));
  decode_errors_ =
      t_quantile(probability, static_cast<double>((points.size() - 1) * (blocks_ - 1)));
}

Order Comparison::size(const TradeoffPoint& a, const TradeoffPoint& b) {
  if (a.bytes == b.bytes) return Order::equal;
  return a.bytes < b.bytes ? Order::better : Order::worse;
}

Order Comparison::decode(const TradeoffPoint& a, const TradeoffPoint& b) const {
  if (blocks_ < 2) return Order::untold;
  const std::vector<double> ratios = log_ratios(a.decode, b.decode);
  const double scatter = std::max(least_scatter_, standard_deviation(ratios));
  return by_margin(mean(ratios), decode_errors_ * scatter / std::sqrt(blocks_));
}

Order Comparison::divergence(const TradeoffPoint& a, const TradeoffPoint& b) const {
  const double ours = a.quality.mean_kl;
  const double theirs = b.quality.mean_kl;
  if (ours <= kLeastKl && theirs <= kLeastKl) return Order::equal;
  return by_margin(theirs - ours,
                   kl_errors_ * std::hypot(a.quality.mean_kl_error, b.quality.mean_kl_error));
}

double Comparison::decode_margin() const {
  if (blocks_ < 2) return std::numeric_limits<double>::infinity();
  return std::exp(decode_errors_ * least_scatter_ / std::sqrt(blocks_));
}

void mark_dominated(std::vector<TradeoffPoint>& points) {
  const Comparison comparison(points);
  for (TradeoffPoint& point : points) {
    point.dominated_by.clear();
    point.perhaps_dominated_by.clear();
    for (const TradeoffPoint& other : points) {
      if (&other == &point) continue;
      const Order orders[] = {Comparison::size(other, point), comparison.decode(other, point),
                              comparison.divergence(other, point)};
      const auto any = [&](Order order) {
        return std::ranges::find(orders, order) != std::end(orders);
      };
      if (any(Order::worse)) continue;
      const bool shown = std::ranges::all_of(orders, no_worse) && any(Order::better);
      (shown ? point.dominated_by : point.perhaps_dominated_by).push_back(other.name);
    }
  }
}

Fastest fastest(const std::vector<TradeoffPoint>& points) {
  const Comparison comparison(points);
  Fastest found;
  found.point = &*std::ranges::max_element(points, {}, mean_log);
  for (const TradeoffPoint& other : points) {
    if (&other != found.point && comparison.decode(*found.point, other) != Order::better)
      found.untold.push_back(&other);
  }
  return found;
}

}  // namespace ceiling::lab
