#include "probe/measure.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "os/cpu.h"
#include "probe/pinned_team.h"
#include "probe/read_kernel.h"
#include "probe/read_probe.h"

namespace ceiling::probe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kFewestReadings = 9;
constexpr std::uint64_t kSliceBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kSliceBytesPerThread = std::uint64_t{16} << 20;
constexpr std::size_t kPart = std::size_t{1} << 20;  // what a thread fills or touches at a time

bool time_left(Clock::time_point start, Seconds time, std::size_t readings) {
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  return elapsed.count() < time.value || readings < kFewestReadings;
}

// Calls work(begin, end) for parts of [0, bytes), each once, spread over the team's threads.
template <typename Work>
void in_parts(PinnedTeam& team, std::size_t bytes, const Work& work) {
  std::atomic<std::size_t> next{0};
  team.run([&](unsigned) {
    for (std::size_t begin = next.fetch_add(kPart); begin < bytes; begin = next.fetch_add(kPart)) {
      work(begin, std::min(bytes, begin + kPart));
    }
  });
}

ComputeReading measure(PinnedTeam& team, const ComputeKernel& kernel, Seconds time) {
  std::vector<double> gop_per_s;
  const auto start = Clock::now();
  while (time_left(start, time, gop_per_s.size())) {
    // Threads take calls until none is left, so that a slow one does not decide. Together they last
    // some milliseconds: longer than threads differ in their start.
    std::atomic<int> calls{8 * static_cast<int>(team.threads())};
    std::atomic<std::uint64_t> multiply_adds{0};
    const Seconds spent = team.run([&](unsigned) {
      while (calls-- > 0) multiply_adds += kernel.run(kMostIterations);
    });
    gop_per_s.push_back(2e-9 * static_cast<double>(multiply_adds) / spent.value);
  }
  return {kernel.arithmetic, std::string(kernel.name), team.threads(),
          Distribution(std::move(gop_per_s))};
}

}  // namespace

BandwidthReading measure_bandwidth(std::span<const std::byte> region, unsigned threads,
                                   Seconds time) {
  ReadProbe probe(region, threads);
  const Bytes slice{std::min<std::uint64_t>(region.size(),
                                            std::max(kSliceBytes, threads * kSliceBytesPerThread))};
  std::vector<double> gb_per_s;
  const auto start = Clock::now();
  while (time_left(start, time, gb_per_s.size())) {
    gb_per_s.push_back(probe.read(slice).rate().gb_per_s());
  }
  const Bytes size{region.size()};
  return {.threads = probe.threads(),
          .region = size,
          .kernel = probe.kernel(),
          .from_memory = larger_than_caches(size),
          .gb_per_s = Distribution(std::move(gb_per_s))};
}

std::vector<ComputeReading> measure_compute(unsigned threads, Seconds time) {
  PinnedTeam team(threads);
  std::vector<ComputeReading> readings;
  for (const ComputeKernel& kernel : compute_kernels()) {
    readings.push_back(measure(team, kernel, time));
  }
  return readings;
}

Bytes sufficient_region() {
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 30;
  return {std::max(kLeast, 4 * os::cpu_info().last_level_bytes)};
}

os::AnonymousMemory filled_memory(Bytes bytes, unsigned threads) {
  os::AnonymousMemory memory(bytes.value);
  memory.advise_huge_pages();
  PinnedTeam team(threads);
  // Pages that were never written all stand for one page of zeros, which caches hold.
  in_parts(team, memory.size(), [&](std::size_t begin, std::size_t end) {
    std::memset(memory.data() + begin, static_cast<int>(begin / kPart % 251 + 1), end - begin);
  });
  return memory;
}

void touch(std::span<const std::byte> region, unsigned threads) {
  constexpr std::size_t kSmallestPage = 4096;
  PinnedTeam team(threads);
  in_parts(team, region.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; i += kSmallestPage) {
      [[maybe_unused]] const std::byte seen = *static_cast<const volatile std::byte*>(&region[i]);
    }
  });
}

}  // namespace ceiling::probe
