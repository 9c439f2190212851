#include "lab/analysis/added_reads.h"

#include <iterator>
#include <limits>
#include <map>
#include <vector>

namespace ceiling::lab {
namespace {

struct Doses {
  std::uint32_t less = 0, more = 0;  // indices of treatments
};

// Only bytes are dilated in both.
std::optional<Doses> largest_doses(std::span<const Treatment> treatments) {
  std::map<double, std::uint32_t> doses;
  for (std::uint32_t i = 0; i < treatments.size(); ++i) {
    const Treatment& t = treatments[i];
    if (t.bytes > 0 && t.arithmetic == 0 && t.sequences == 1) doses[t.bytes] = i;
  }
  constexpr double kLarge = 1;  // twice the bytes at the least
  if (doses.size() < 2 || doses.rbegin()->first < kLarge) return std::nullopt;
  const auto last = std::prev(doses.end());
  return Doses{std::prev(last)->second, last->second};
}

double inverse(double value) {
  return value > 0 ? 1 / value : std::numeric_limits<double>::infinity();
}

}  // namespace

std::optional<AddedReads> added_reads(std::span<const TreatedStep> steps,
                                      std::span<const CycleReading> readings,
                                      std::span<const Treatment> treatments) {
  const std::optional<Doses> doses = largest_doses(treatments);
  if (!doses) return std::nullopt;
  std::map<std::uint32_t, const TreatedStep*> less, more;  // by cycle
  for (const TreatedStep& step : steps) {
    if (step.treatment == doses->less) less[step.cycle] = &step;
    if (step.treatment == doses->more) more[step.cycle] = &step;
  }
  constexpr double kLine = 64;
  std::vector<double> costs, rates, misses;
  for (const CycleReading& reading : readings) {
    const auto a = less.find(reading.cycle), b = more.find(reading.cycle);
    if (a == less.end() || b == more.end()) continue;
    const TreatedStep &small = *a->second, &large = *b->second;
    if (large.added_bytes <= small.added_bytes) continue;
    const auto bytes = static_cast<double>(large.added_bytes - small.added_bytes);
    rates.push_back(static_cast<double>(reading.bytes) / reading.seconds);
    costs.push_back((large.seconds - small.seconds) / bytes * rates.back());
    if (large.cache_misses && small.cache_misses) {
      misses.push_back(
          (static_cast<double>(*large.cache_misses) - static_cast<double>(*small.cache_misses)) *
          kLine / bytes);
    }
  }
  if (costs.empty()) return std::nullopt;
  AddedReads reads{median(costs),
                   median(rates),
                   treatments[doses->less].bytes,
                   treatments[doses->more].bytes,
                   {}};
  if (!misses.empty()) reads.misses_per_line = median(misses);
  return reads;
}

AddedRate added_rate(std::span<const AddedReads> processes, double confidence) {
  std::vector<double> costs, rates, misses;
  for (const AddedReads& process : processes) {
    costs.push_back(process.cost);
    rates.push_back(process.memory_per_s);
    if (process.misses_per_line) misses.push_back(*process.misses_per_line);
  }
  const Estimate cost = mean_interval(costs, confidence);
  AddedRate rate;
  rate.ratio = cost;
  rate.ratio.value = inverse(cost.value);
  rate.ratio.low = inverse(cost.high);
  rate.ratio.high = inverse(cost.low);
  rate.memory_per_s = median(rates);
  rate.from = processes.front().from;
  rate.until = processes.front().until;
  if (!misses.empty()) rate.misses_per_line = median(misses);
  return rate;
}

bool reached_memory(const AddedRate& rate, const Thresholds& thresholds) {
  return rate.ratio.low >= thresholds.added_rate_least &&
         rate.ratio.high <= thresholds.added_rate_most;
}

}  // namespace ceiling::lab
