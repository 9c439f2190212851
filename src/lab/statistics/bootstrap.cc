#include "lab/statistics/bootstrap.h"

#include "base/error.h"
#include "lab/statistics/seeded_draws.h"

namespace ceiling::lab {
namespace {

double resampled_mean(const std::vector<double>& values, SeededDraws& draws) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[draws.below(values.size())];
  return sum / static_cast<double>(values.size());
}

}  // namespace

Estimate hierarchical_bootstrap(const std::vector<std::vector<double>>& groups, double confidence,
                                std::size_t resamples, std::uint64_t seed) {
  std::vector<double> means;
  for (const auto& group : groups) means.push_back(mean(group));
  if (resamples < 2) fail(ExitCode::failed, "statistics: a bootstrap of {} resamples", resamples);
  SeededDraws draws(seed);
  std::vector<double> results;
  results.reserve(resamples);
  for (std::size_t i = 0; i < resamples; ++i) {
    double sum = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      sum += resampled_mean(groups[draws.below(groups.size())], draws);
    }
    results.push_back(sum / static_cast<double>(groups.size()));
  }
  return {mean(means), quantile(results, 0.5 - confidence / 2),
          quantile(results, 0.5 + confidence / 2), groups.size()};
}

}  // namespace ceiling::lab
