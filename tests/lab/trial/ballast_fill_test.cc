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

TEST(BallastBytes, LeaveTheWorkingSetItsShare) {
  const WorkingSet set{2 * kGiB, kGiB / 2};
  // 2.5 GiB are half of 5 GiB; 10 GiB are available and half a GiB is the process's own.
  EXPECT_EQ(ballast_bytes(set, 0.5, 10 * kGiB), 10 * kGiB + kGiB / 2 - 5 * kGiB);
  EXPECT_EQ(ballast_bytes(set, 1.0, 10 * kGiB), 8 * kGiB);
}

TEST(BallastBytes, NothingIsTakenBelowTheFloorOrWhereTheModelFillsItAlready) {
  const WorkingSet small{kGiB / 2, 0};
  EXPECT_THAT(refusal([&] { ballast_bytes(small, 1.0, 8 * kGiB); }),
              HasSubstr("less than the floor"));
  EXPECT_EQ(ballast_bytes(small, 0.5, 8 * kGiB), 7 * kGiB);
  EXPECT_THAT(refusal([&] { ballast_bytes({6 * kGiB, 0}, 0.5, 8 * kGiB); }),
              HasSubstr("nothing to take away"));
}

// A machine whose programs hold 3 of 12 GiB and whose page cache gives way.
class Machine {
 public:
  void take(std::uint64_t bytes) { taken_ += bytes; }
  MemoryLook look() const {
    return {available - std::min(available, taken_), taken_ > swaps_after ? 17U : 5U};
  }
  std::uint64_t taken() const { return taken_; }
  std::uint64_t available = 9 * kGiB;
  std::uint64_t swaps_after = UINT64_MAX;

 private:
  std::uint64_t taken_ = 0;
};

void take(Machine& machine, std::uint64_t bytes) {
  take_in_steps(
      bytes, [&](std::uint64_t step) { machine.take(step); }, [&] { return machine.look(); });
}

TEST(TakeInSteps, TakesAllWhereNothingHappens) {
  Machine machine;
  take(machine, 5 * kGiB + 1);
  EXPECT_EQ(machine.taken(), 5 * kGiB + 1);
}

TEST(TakeInSteps, StopsWithTheFirstPagesThatAreSwappedOut) {
  Machine machine;
  machine.swaps_after = 2 * kGiB;
  EXPECT_THAT(refusal([&] { take(machine, 5 * kGiB); }), HasSubstr("12 pages were swapped out"));
  EXPECT_LE(machine.taken(), 2 * kGiB + (64 << 20));
}

TEST(TakeInSteps, StopsAtTheFloor) {
  Machine machine;
  machine.available = 4 * kGiB;  // others took more meanwhile
  EXPECT_THAT(refusal([&] { take(machine, 5 * kGiB); }), HasSubstr("less than the floor"));
  EXPECT_LE(machine.taken(), 3 * kGiB + (64 << 20));
}

}  // namespace
}  // namespace ceiling::lab
