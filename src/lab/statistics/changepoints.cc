#include "lab/statistics/changepoints.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lab/statistics/statistics.h"

namespace ceiling::lab {
namespace {

// Variance of the noise: neighbours' differences have twice it; 1.4826 makes their median absolute
// deviation a normal standard deviation. 0 where more than half of the neighbours are equal.
double noise_variance(std::span<const double> values) {
  std::vector<double> differences;
  for (std::size_t i = 1; i < values.size(); ++i) {
    differences.push_back(std::abs(values[i] - values[i - 1]));
  }
  const double sd = 1.4826 * median(differences) / std::sqrt(2.0);
  return sd * sd;
}

// Squared deviations from the mean of any range, from running sums.
class SquaredDeviations {
 public:
  explicit SquaredDeviations(std::span<const double> values) : sums_{0}, squares_{0} {
    const double centre = mean(values);  // keeps the differences of large sums exact
    for (const double value : values) {
      sums_.push_back(sums_.back() + (value - centre));
      squares_.push_back(squares_.back() + (value - centre) * (value - centre));
    }
  }
  double of(std::size_t begin, std::size_t end) const {
    const double sum = sums_[end] - sums_[begin];
    return std::max(0.0,
                    squares_[end] - squares_[begin] - sum * sum / static_cast<double>(end - begin));
  }

 private:
  std::vector<double> sums_, squares_;
};

}  // namespace

std::vector<std::size_t> changepoints(std::span<const double> values, double penalty,
                                      std::size_t least_length) {
  const std::size_t n = values.size();
  if (n < 2 * least_length) return {};
  const double variance = noise_variance(values);
  if (penalty <= 0) penalty = 3 * std::log(static_cast<double>(n));
  const SquaredDeviations deviations(values);
  const auto cost = [&](std::size_t begin, std::size_t end) {
    const double squares = deviations.of(begin, end);
    if (variance > 0) return squares / variance;
    return squares > 0 ? std::numeric_limits<double>::infinity() : 0;
  };
  std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());
  std::vector<std::size_t> last(n + 1, 0);
  best[0] = -penalty;
  std::vector<std::size_t> candidates = {0};
  for (std::size_t end = least_length; end <= n; ++end) {
    for (const std::size_t begin : candidates) {
      const double total = best[begin] + cost(begin, end) + penalty;
      if (total < best[end]) {
        best[end] = total;
        last[end] = begin;
      }
    }
    // The pruning: a beginning that costs at least as much as a change at `change` would can be
    // replaced by it at every later end that leaves room for a segment after it.
    const std::size_t change = end + 1 - least_length;
    std::erase_if(candidates, [&](std::size_t begin) {
      return begin + least_length <= change && best[begin] + cost(begin, change) >= best[change];
    });
    if (end + 1 >= 2 * least_length) candidates.push_back(end + 1 - least_length);
  }
  std::vector<std::size_t> changes;
  for (std::size_t end = last[n]; end > 0; end = last[end]) changes.push_back(end);
  std::reverse(changes.begin(), changes.end());
  return changes;
}

std::string_view name(Warmup warmup) {
  switch (warmup) {
    case Warmup::flat:
      return "flat";
    case Warmup::warming_up:
      return "warm-up";
    case Warmup::slowing:
      return "slowing";
    default:
      return "no steady state";
  }
}

SteadyState steady_state(std::span<const double> seconds, double tolerance) {
  std::vector<std::size_t> begins = changepoints(seconds);
  begins.insert(begins.begin(), 0);
  const auto level = [&](std::size_t i) {
    const std::size_t end = i + 1 < begins.size() ? begins[i + 1] : seconds.size();
    return mean(seconds.subspan(begins[i], end - begins[i]));
  };
  const double last = level(begins.size() - 1);
  std::size_t first = begins.size() - 1;  // of the levels that are the last one in effect
  while (first > 0 && std::abs(level(first - 1) - last) <= tolerance * last) --first;
  if (first == 0) return {Warmup::flat, 0};
  const std::size_t begin = begins[first];
  if (begin > seconds.size() - seconds.size() / 4) return {Warmup::unsteady, begin};
  return {level(0) > last ? Warmup::warming_up : Warmup::slowing, begin};
}

}  // namespace ceiling::lab
