#include "lab/trial/interleaver.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace ceiling::lab {
namespace {

// A memory that reads 100 GB/s, and a meter that tells how often it was looked at.
struct Setting {
  Setting() {
    readings.read = [](Bytes amount) {
      return probe::ReadSlice{amount, {static_cast<double>(amount.value) / 1e11}};
    };
    readings.amount = {1 << 20};
    readings.between_s = 0.1;
  }
  EnergyClock clock() {
    std::vector<os::EnergyMeter> meters;
    meters.push_back({"GPU", [this] { return std::optional(static_cast<double>(looks++)); }, 0});
    return EnergyClock(std::move(meters));
  }
  MemoryReadings readings;
  std::vector<ProbeSlice> slices;
  int looks = 0;
};

TEST(Interleaver, ReadsBeforeBetweenAndAfter) {
  Setting s;
  EnergyClock energy = s.clock();
  Interleaver interleaver(s.readings, s.slices, energy);
  interleaver.begin();
  for (std::uint32_t token = 1; token <= 6; ++token) interleaver.decoded(0.05, token);
  interleaver.end(6);
  ASSERT_EQ(s.slices.size(), 5U);
  EXPECT_EQ(s.slices[0].after_token, 0U);
  EXPECT_EQ(s.slices[1].after_token, 2U);
  EXPECT_EQ(s.slices[3].after_token, 6U);
  EXPECT_EQ(s.slices[4].after_token, 6U);
  EXPECT_EQ(s.slices[0].bytes, 1U << 20);
}

TEST(Interleaver, StopsTheMetersOfTheCpuWhileItReads) {
  Setting s;
  EnergyClock energy = s.clock();
  Interleaver interleaver(s.readings, s.slices, energy);
  interleaver.begin();
  interleaver.decoded(0.2, 1);
  interleaver.end(1);
  EXPECT_EQ(s.looks, 4);
  EXPECT_EQ(interleaver.share_of_decode(), 1);
}

// Its counter moves too seldom to be stopped: the time of the readings is taken out by its share.
TEST(Interleaver, LetsTheMeterOfADeviceRunOnAndTellsTheShareOfDecode) {
  Setting s;
  s.readings.stops_energy = false;
  s.readings.look = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  EnergyClock energy = s.clock();
  Interleaver interleaver(s.readings, s.slices, energy);
  interleaver.begin();
  interleaver.decoded(0.1, 1);
  interleaver.end(1);
  EXPECT_EQ(s.looks, 2);
  EXPECT_LT(interleaver.share_of_decode(), 0.1 / 0.12);
  EXPECT_GT(interleaver.share_of_decode(), 0.1 / 1.0);
}

}  // namespace
}  // namespace ceiling::lab
