#include "lab/statistics/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "lab/statistics/seeded_draws.h"

namespace ceiling::lab {
namespace {

std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double middle = static_cast<double>(begin + end + 1) / 2;  // ranks begin + 1 .. end
    for (; begin < end; ++begin) ranks[order[begin]] = middle;
  }
  return ranks;
}

double correlation(std::span<const double> x, std::span<const double> y) {
  const double mean_x = mean(x), mean_y = mean(y);
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

}  // namespace

double rank_correlation(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size() || x.size() < 2) {
    fail(ExitCode::failed, "statistics: a rank correlation of {} and {} values", x.size(),
         y.size());
  }
  return correlation(ranks_of(x), ranks_of(y));
}

Estimate rank_correlation_gain(std::span<const double> x, std::span<const double> other,
                               std::span<const double> y, double confidence, std::size_t resamples,
                               std::uint64_t seed) {
  const std::size_t n = y.size();
  const double gain = rank_correlation(x, y) - rank_correlation(other, y);
  SeededDraws draws(seed);
  std::vector<double> gains;
  std::vector<double> drawn_x(n), drawn_other(n), drawn_y(n);
  for (std::size_t r = 0; r < resamples; ++r) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t from = draws.below(n);
      drawn_x[i] = x[from];
      drawn_other[i] = other[from];
      drawn_y[i] = y[from];
    }
    gains.push_back(rank_correlation(drawn_x, drawn_y) - rank_correlation(drawn_other, drawn_y));
  }
  return {gain, quantile(gains, 0.5 - confidence / 2), quantile(gains, 0.5 + confidence / 2), n};
}

}  // namespace ceiling::lab
