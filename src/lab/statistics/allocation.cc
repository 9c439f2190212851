#include "lab/statistics/allocation.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace ceiling::lab {

Variation variation(const std::vector<std::vector<double>>& processes) {
  std::vector<double> means;
  double within = 0;
  for (const auto& process : processes) {
    if (process.size() != processes.front().size()) {
      fail(ExitCode::failed, "statistics: a pilot whose processes have {} and {} iterations",
           processes.front().size(), process.size());
    }
    means.push_back(mean(process));
    const double sd = standard_deviation(process);
    within += sd * sd / static_cast<double>(processes.size());
  }
  const double of_means = standard_deviation(means);
  const auto iterations = static_cast<double>(processes.front().size());
  return {within, std::max(0.0, of_means * of_means - within / iterations)};
}

std::size_t iterations_per_process(const Variation& variation, double process_s, double iteration_s,
                                   std::size_t most) {
  if (!(variation.between > 0)) return most;
  const double best = std::sqrt(process_s / iteration_s * variation.within / variation.between);
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(std::min(best, 1e9))), 1, most);
}

std::size_t observations_needed(double sd, double half_width, double confidence, std::size_t most) {
  for (std::size_t n = 2; n < most; ++n) {
    const auto count = static_cast<double>(n);
    if (t_quantile(0.5 + confidence / 2, count - 1) * sd / std::sqrt(count) <= half_width) return n;
  }
  return most;
}

}  // namespace ceiling::lab
