#include "probe/read_probe.h"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "base/error.h"
#include "os/cpu.h"
#include "probe/distribution.h"
#include "probe/pinned_team.h"

namespace ceiling::probe {
namespace {

constexpr std::uint64_t kChunk = 256 << 10;

double process_time_s() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(PinnedTeam, RunsEveryIndexOnceAndAgain) {
  PinnedTeam team(3);
  ASSERT_EQ(team.threads(), 3U);
  for (int round = 1; round <= 50; ++round) {
    std::vector<std::atomic<int>> calls(3);
    const Seconds time = team.run([&](unsigned index) { ++calls.at(index); });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
    EXPECT_GE(time.value, 0);
  }
}

TEST(PinnedTeam, TimesFromTheFirstStartToTheLastEnd) {
  PinnedTeam team(2);
  const Seconds time = team.run([](unsigned index) {
    if (index == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
  });
  EXPECT_GE(time.value, 0.030);
}

TEST(PinnedTeam, EachThreadStaysOnItsProcessor) {
  const unsigned threads = static_cast<unsigned>(os::cpu_info().usable.size());
  const std::vector<unsigned> order = os::pin_order(threads);
  PinnedTeam team(threads);
  std::vector<int> seen(threads, -1);
  team.run([&](unsigned index) { seen[index] = sched_getcpu(); });
  for (unsigned i = 0; i < threads; ++i) EXPECT_EQ(seen[i], static_cast<int>(order[i]));
}

TEST(PinnedTeam, AnIdleTeamTakesNoProcessorTime) {
  PinnedTeam team(2);
  team.run([](unsigned) {});
  const double before = process_time_s();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(process_time_s() - before, 0.02);
}

TEST(ReadProbe, SlicesGoOnRoundTheRegion) {
  const std::vector<std::byte> region(5 * kChunk / 2);  // two chunks and a half
  ReadProbe probe(region, 2);
  EXPECT_EQ(probe.threads(), 2U);
  EXPECT_FALSE(probe.kernel().empty());
  EXPECT_EQ(probe.read({1}).bytes.value, kChunk);
  EXPECT_EQ(probe.read({kChunk + 1}).bytes.value, kChunk + kChunk / 2);
  EXPECT_EQ(probe.read({3 * kChunk}).bytes.value, region.size());
  EXPECT_EQ(probe.read({2 * kChunk}).bytes.value, 2 * kChunk);
  const ReadSlice slice = probe.read({100 * kChunk});
  EXPECT_GT(slice.bytes.value, 80 * kChunk);
  EXPECT_GT(slice.time.value, 0);
  EXPECT_DOUBLE_EQ(slice.rate().value, static_cast<double>(slice.bytes.value) / slice.time.value);
}

TEST(ReadProbe, TakesNothingPastTheEndOfAnOddRegion) {
  const std::vector<std::byte> region(1024 + 1023);
  ReadProbe probe(region, 1);
  EXPECT_EQ(probe.read({1}).bytes.value, 1024U);
}

TEST(ReadProbe, RefusesARegionThatIsTooSmall) {
  const std::vector<std::byte> region(1023);
  EXPECT_THROW(ReadProbe(region, 1), Error);
}

TEST(Distribution, QuantilesAreBetweenTheNeighbours) {
  const Distribution d({4, 1, 3, 2, 5});
  EXPECT_EQ(d.median(), 3);
  EXPECT_DOUBLE_EQ(d.quantile(0.1), 1.4);
  EXPECT_EQ(d.quantile(0), 1);
  EXPECT_EQ(d.quantile(1), 5);
  EXPECT_DOUBLE_EQ(d.spread(), (4.6 - 1.4) / 3);
  EXPECT_EQ(Distribution({7}).quantile(0.3), 7);
  EXPECT_EQ(Distribution().median(), 0);
  EXPECT_EQ(Distribution().spread(), 0);
}

}  // namespace
}  // namespace ceiling::probe
