#include "probe/read_probe.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "os/cpu.h"
#include "probe/distribution.h"
#include "probe/pinned_team.h"
#include "probe/read_kernel.h"

namespace ceiling::probe {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;  // what a thread takes at a time
// Long enough that threads starting and ending apart do not decide.
constexpr std::uint64_t kTrialBytes = std::uint64_t{32} << 20;
constexpr std::uint64_t kTrialBytesPerThread = std::uint64_t{16} << 20;
constexpr int kTrialRounds = 7;
// Another kernel than the first must be this much faster: noise shall not choose.
constexpr double kClearlyFaster = 1.03;

}  // namespace

struct ReadProbe::State {
  State(std::span<const std::byte> whole, unsigned threads)
      : region(whole.first(whole.size() / kReadStep * kReadStep)), team(threads) {}

  std::size_t chunks() const { return (region.size() + kChunk - 1) / kChunk; }

  std::span<const std::byte> chunk(std::size_t index) const {
    const std::size_t begin = index % chunks() * kChunk;
    return region.subspan(begin, std::min(kChunk, region.size() - begin));
  }

  ReadSlice read(const ReadKernel& with, Bytes amount) {
    const std::size_t count = std::max<std::size_t>(1, (amount.value + kChunk - 1) / kChunk);
    const std::size_t first = next_chunk;
    std::atomic<std::size_t> taken{0};
    std::atomic<std::uint64_t> bytes{0};
    const Seconds time = team.run([&](unsigned) {
      std::uint64_t own_sum = 0;
      std::uint64_t own_bytes = 0;
      for (std::size_t i = taken++; i < count; i = taken++) {
        const auto part = chunk(first + i);
        own_sum += with.sum(part.data(), part.size());
        own_bytes += part.size();
      }
      bytes += own_bytes;
      sink += own_sum;
    });
    next_chunk = (first + count) % chunks();
    return {{bytes.load()}, time};
  }

  std::span<const std::byte> region;
  PinnedTeam team;
  ReadKernel kernel;
  std::size_t next_chunk = 0;
  std::atomic<std::uint64_t> sink{0};  // the sums are used: the reads cannot be left out
};

namespace {

// The kernels take turns, so that a disturbance meets all of them.
template <typename Read>
ReadKernel fastest(const std::vector<ReadKernel>& kernels, const Read& read) {
  std::vector<std::vector<double>> rates(kernels.size());
  for (int round = 0; round < kTrialRounds; ++round) {
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      rates[k].push_back(read(kernels[k]).rate().value);
    }
  }
  std::size_t best = 0;
  double best_rate = Distribution(rates[0]).median();
  for (std::size_t k = 1; k < kernels.size(); ++k) {
    const double rate = Distribution(rates[k]).median();
    if (rate > kClearlyFaster * best_rate) {
      best = k;
      best_rate = rate;
    }
  }
  return kernels[best];
}

}  // namespace

ReadProbe::ReadProbe(std::span<const std::byte> region, unsigned threads) {
  if (region.size() < kReadStep) {
    fail(ExitCode::failed, "cannot measure reads of {} bytes: name a larger file", region.size());
  }
  state_ = std::make_unique<State>(region, threads);
  const std::vector<ReadKernel> kernels = read_kernels();
  state_->kernel = kernels.front();
  if (kernels.size() == 1) return;
  const Bytes slice{std::max(kTrialBytes, state_->team.threads() * kTrialBytesPerThread)};
  const auto read = [&](const ReadKernel& kernel) { return state_->read(kernel, slice); };
  read(kernels.front());  // wakes clocks up
  state_->kernel = fastest(kernels, read);
  state_->next_chunk = 0;
}

ReadProbe::~ReadProbe() = default;

ReadSlice ReadProbe::read(Bytes amount) { return state_->read(state_->kernel, amount); }

unsigned ReadProbe::threads() const { return state_->team.threads(); }

std::string ReadProbe::kernel() const { return std::string(state_->kernel.name); }

bool larger_than_caches(Bytes region) {
  return region.value >= 4 * os::cpu_info().last_level_bytes;
}

}  // namespace ceiling::probe
