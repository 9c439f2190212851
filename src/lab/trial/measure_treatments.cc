#include "lab/trial/measure_treatments.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "lab/statistics/seeded_draws.h"
#include "model/cost.h"

namespace ceiling::lab {
namespace {

using Clock = std::chrono::steady_clock;

class Treatments {
 public:
  Treatments(Session& session, const std::vector<Treatment>& treatments, Token token,
             const CountMisses& misses)
      : session_(session), treatments_(treatments), misses_(misses), depth_(session.length(0)) {
    std::uint32_t most = 1;
    for (const Treatment& t : treatments) most = std::max(most, t.sequences);
    for (std::uint32_t s = 0; s < most; ++s) {
      if (s > 0) session_.fork(0, s);
      sequences_.push_back(s);
      tokens_.push_back(token);
    }
    for (const Treatment& t : treatments) read_bytes_.push_back(bytes_of(t));
  }

  TreatedStep step(std::uint32_t index, std::uint32_t cycle) {
    const Treatment& treatment = treatments_[index];
    Executable& executable = session_.executable();
    if (treatment.added_work()) {
      executable.set_added_work({treatment.bytes, treatment.cached_bytes, treatment.arithmetic});
    } else {
      executable.stop_added_work();
    }
    const std::uint64_t added_before = executable.traffic().added_bytes;
    const std::span sequences(sequences_.data(), treatment.sequences);
    const std::optional<std::uint64_t> misses_before = misses_();
    const auto start = Clock::now();
    session_.step(sequences, std::span<const Token>(tokens_.data(), treatment.sequences));
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const std::optional<std::uint64_t> misses = misses_();
    for (const std::uint32_t sequence : sequences) session_.truncate(sequence, depth_);
    TreatedStep result{
        index, cycle, seconds, read_bytes_[index], executable.traffic().added_bytes - added_before,
        {}};
    if (misses && misses_before) result.cache_misses = *misses - *misses_before;
    return result;
  }

 private:
  std::uint64_t bytes_of(const Treatment& treatment) const {
    Batch batch;
    for (std::uint32_t s = 0; s < treatment.sequences; ++s) {
      batch.rows.push_back({.token = 0, .position = depth_, .sequence = s, .logits = true});
    }
    return cost(session_.model().program(), batch).read_bytes();
  }

  Session& session_;
  const std::vector<Treatment>& treatments_;
  const CountMisses& misses_;
  std::uint32_t depth_;
  std::vector<std::uint32_t> sequences_;
  std::vector<Token> tokens_;
  std::vector<std::uint64_t> read_bytes_;
};

}  // namespace

std::vector<TreatedStep> measure_treatments(Session& session,
                                            const std::vector<Treatment>& treatments, Token token,
                                            const CycleLimits& limits,
                                            const std::function<void()>& between_cycles,
                                            const CountMisses& misses) {
  Treatments runner(session, treatments, token, misses);
  for (std::uint32_t i = 0; i < treatments.size(); ++i) {  // memory and code are touched
    const auto here = treatments.begin() + i;
    if (std::find(treatments.begin(), here, treatments[i]) == here) runner.step(i, 0);
  }
  std::vector<TreatedStep> steps;
  std::vector<std::uint32_t> order(treatments.size());
  std::iota(order.begin(), order.end(), 0U);
  SeededDraws draws(treatments.size());
  double clock_s = 0;
  for (std::uint32_t cycle = 0;
       cycle < limits.most && (cycle < limits.least || clock_s < limits.seconds); ++cycle) {
    between_cycles();
    draws.shuffle(order);
    for (const std::uint32_t index : order) {
      steps.push_back(runner.step(index, cycle));
      clock_s += steps.back().seconds;
    }
  }
  session.executable().stop_added_work();
  return steps;
}

}  // namespace ceiling::lab
