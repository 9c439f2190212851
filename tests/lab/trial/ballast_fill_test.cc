#include "lab/trial/ballast_fill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/error.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    return error.what();
  }
  return "";
}

TEST(WantedAvailable, LeavesTheWorkingSetItsShare) {
  const WorkingSet set{2 * kGiB, kGiB / 2};
  // 2.5 GiB are half of 5 GiB, of which the process has half a GiB already.
  EXPECT_EQ(wanted_available(set, 0.5, 10 * kGiB), 5 * kGiB - kGiB / 2);
  EXPECT_EQ(wanted_available(set, 1.0, 10 * kGiB), 2 * kGiB);
}

TEST(WantedAvailable, NothingIsTakenBelowTheFloorOrWhereTheModelFillsItAlready) {
  const WorkingSet small{kGiB / 2, 0};
  EXPECT_THAT(refusal([&] { wanted_available(small, 1.0, 8 * kGiB); }),
              HasSubstr("less than the floor"));
  EXPECT_EQ(wanted_available(small, 0.5, 8 * kGiB), kGiB);
  EXPECT_THAT(refusal([&] { wanted_available({6 * kGiB, 0}, 0.5, 8 * kGiB); }),
              HasSubstr("nothing to take away"));
}

// A machine whose programs hold 3 of 12 GiB and whose page cache gives way.
class Machine {
 public:
  void take(std::uint64_t bytes) { taken_ += bytes; }
  MemoryLook look() const {
    const std::uint64_t gone = static_cast<std::uint64_t>(costs * static_cast<double>(taken_)) +
                               (taken_ > 0 ? others_take : 0);
    return {available - std::min(available, gone), taken_ > swaps_after ? 17U : 5U};
  }
  std::uint64_t taken() const { return taken_; }
  std::uint64_t available = 9 * kGiB;
  std::uint64_t swaps_after = UINT64_MAX, others_take = 0;
  double costs = 1;

 private:
  std::uint64_t taken_ = 0;
};

void take(Machine& machine, std::uint64_t wanted) {
  take_until(
      wanted, [&](std::uint64_t step) { machine.take(step); }, [&] { return machine.look(); });
}

TEST(TakeUntil, TakesAllWhereNothingHappens) {
  Machine machine;
  take(machine, 4 * kGiB);
  EXPECT_EQ(machine.taken(), 5 * kGiB);
}

TEST(TakeUntil, StopsWithTheFirstPagesThatAreSwappedOut) {
  Machine machine;
  machine.swaps_after = 2 * kGiB;
  EXPECT_THAT(refusal([&] { take(machine, 4 * kGiB); }), HasSubstr("12 pages were swapped out"));
  EXPECT_LE(machine.taken(), 2 * kGiB + (64 << 20));
}

TEST(TakeUntil, StopsAtTheFloor) {
  Machine machine;
  machine.others_take = 8 * kGiB + kGiB / 2;  // all at once, after the first step
  EXPECT_THAT(refusal([&] { take(machine, 4 * kGiB); }), HasSubstr("less than the floor"));
  EXPECT_EQ(machine.taken(), std::uint64_t{64} << 20);
}

// What is locked takes page tables too.
TEST(TakeUntil, FollowsWhatIsLeftAndNotWhatItTook) {
  Machine machine;
  machine.costs = 1.02;
  take(machine, 4 * kGiB);
  EXPECT_NEAR(static_cast<double>(machine.look().available), 4.0 * kGiB, 5 << 20);
  EXPECT_LT(machine.taken(), 5 * kGiB);
}

}  // namespace
}  // namespace ceiling::lab
