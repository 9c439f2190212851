#include "cli/speed_test.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "probe/distribution.h"

namespace ceiling::cli {
namespace {

// Reads the memory between steps.
class Interleaver {
 public:
  Interleaver(const ReadMemory& read, const ReadMemory& host, std::uint64_t bytes_per_step,
              std::uint32_t all_steps, SpeedResult& result)
      : read_(read),
        host_(host),
        result_(result),
        amount_{std::clamp<std::uint64_t>(bytes_per_step / 4, 64U << 20U, 256U << 20U)},
        most_steps_(std::max(all_steps / 32, 1U)) {}

  void after_step(Seconds time) {
    constexpr Seconds kOftenEnough{0.02};
    worked_ = worked_ + time;
    if (++steps_ >= most_steps_ || worked_ >= kOftenEnough) read();
  }

  void read() {
    // The device's threads spin for a moment before they sleep: they must not share a core with the
    // probe's.
    std::this_thread::sleep_for(std::chrono::microseconds(500));
    result_.slices.push_back(read_(amount_));
    if (host_) result_.host_slices.push_back(host_(amount_));
    worked_ = {};
    steps_ = 0;
  }

 private:
  const ReadMemory& read_;
  const ReadMemory& host_;
  SpeedResult& result_;
  Bytes amount_;
  std::uint32_t most_steps_;
  std::uint32_t steps_ = 0;
  Seconds worked_;
};

BytesPerSecond median_rate(const std::vector<probe::ReadSlice>& slices) {
  std::vector<double> rates;
  rates.reserve(slices.size());
  for (const probe::ReadSlice& slice : slices) rates.push_back(slice.rate().value);
  return {probe::Distribution(rates).median()};
}

}  // namespace

double SpeedResult::tokens() const { return static_cast<double>(test.tokens) * test.sequences; }

double SpeedResult::bytes_per_token() const {
  return static_cast<double>(cost.read_bytes()) / tokens();
}

double SpeedResult::link_bytes_per_token() const {
  const double all = tokens() * static_cast<double>(times.size());
  return all > 0 ? static_cast<double>(link_bytes) / all : 0;
}

std::vector<double> SpeedResult::tokens_per_s() const {
  std::vector<double> rates;
  rates.reserve(times.size());
  for (const Seconds time : times) rates.push_back(tokens() / time.value);
  return rates;
}

double SpeedResult::median_tokens_per_s() const {
  return probe::Distribution(tokens_per_s()).median();
}

BytesPerSecond SpeedResult::read_rate() const {
  return {bytes_per_token() * median_tokens_per_s()};
}

double SpeedResult::operations_per_s() const {
  return cost.operations / tokens() * median_tokens_per_s();
}

BytesPerSecond SpeedResult::ceiling() const { return median_rate(slices); }

BytesPerSecond SpeedResult::host_rate() const {
  return host_slices.empty() ? BytesPerSecond{} : median_rate(host_slices);
}

double SpeedResult::share_of_ceiling() const { return read_rate().value / ceiling().value; }

SpeedResult run_speed_test(Session& session, const SpeedTest& test, std::uint32_t repetitions,
                           std::uint64_t seed, const ReadMemory& read, const ReadMemory& host,
                           const SpeedRun::GoOn& go_on) {
  SpeedRun run(session, test, seed, go_on);
  SpeedResult result;
  result.test = test;
  result.cost = run.cost();
  Interleaver interleaver(read, host, result.cost.read_bytes() / run.steps(),
                          repetitions * run.steps(), result);
  run.prepare();
  interleaver.read();
  const std::uint64_t crossed = session.traffic().link_bytes;
  for (std::uint32_t i = 0; i < repetitions; ++i) {
    const auto time = run.repeat([&](Seconds step) { interleaver.after_step(step); });
    if (!time) break;
    result.times.push_back(*time);
  }
  result.link_bytes = session.traffic().link_bytes - crossed;
  interleaver.read();
  return result;
}

}  // namespace ceiling::cli
