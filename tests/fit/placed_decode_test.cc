#include "fit/placed_decode.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "fit/decode_prediction.h"
#include "model/shapes.h"

namespace ceiling::fit {
namespace {

class PlacedDecode : public testing::Test {
 protected:
  Placement placed(const Spill& spill, std::uint64_t memory = std::uint64_t{3} << 30) const {
    const UnitBudget card{.unit = "card",
                          .memory_bytes = memory,
                          .link_bytes_per_s = rates.link.value,
                          .window_pieces = 2};
    const UnitBudget cpu{
        .unit = "cpu", .reads_mapping = true, .read_bytes_per_s = rates.host.value};
    return place_phases(program, {card, cpu}, {.context = 128}, spill).decode;
  }
  PlacedPrediction predict(const Placement& placement) const {
    return predict_placed(program, placement, "cpu", 0, 128, KvType::f16, rates);
  }

  Program program = shape_program(find_shape("8B"), "Q4_K_M");
  UnitRates rates{.device = {3e12}, .host = {130e9}, .link = {50e9}, .threads = 16};
};

TEST_F(PlacedDecode, TimesOfUnitsAdd) {
  const Placement placement = placed({});
  const PlacedPrediction p = predict(placement);
  ASSERT_EQ(p.segments.size(), placement.segments.size());
  double sum = p.cuts.value;
  std::uint64_t bytes = 0;
  for (const PlacedTime& part : p.segments) {
    sum += part.time.value;
    bytes += part.bytes;
  }
  EXPECT_DOUBLE_EQ(p.step.value, sum);
  const auto whole = static_cast<double>(cost(program, shape_batch(64, 1)).read_bytes());
  EXPECT_NEAR(static_cast<double>(bytes), whole, 4);
  EXPECT_GT(p.cuts.value, 0);
}

TEST_F(PlacedDecode, TheHostIsAsFastAsItsOwnPrediction) {
  rates.threads = 2;
  const PlacedPrediction p = predict(placed({}));
  const double share =
      predict_decode(program, 0, 128, {.read = rates.host, .threads = 2}).share.median;
  const PlacedTime& host = p.segments[1];
  ASSERT_EQ(host.residency, Residency::spilled);
  EXPECT_NEAR(host.time.value, static_cast<double>(host.bytes) / (130e9 * share), 1e-9);
  rates.threads = 16;  // memory binds so many
  EXPECT_LT(predict(placed({})).segments[1].time, host.time);
}

TEST_F(PlacedDecode, WhatTheLinkBringsBesideTheHostIsNotAdded) {
  rates.link = {100e9};
  const PlacedPrediction cpu = predict(placed({}));
  const PlacedPrediction stream = predict(placed({SpillWay::stream, SpillWay::stream}));
  const PlacedPrediction both = predict(placed({SpillWay::stream, SpillWay::both}));
  EXPECT_LT(cpu.step, stream.step);
  EXPECT_LT(both.step, cpu.step);
}

TEST_F(PlacedDecode, SlowerUnitsMakeASlowerStep) {
  const Placement placement = placed({SpillWay::stream, SpillWay::stream});
  const PlacedPrediction before = predict(placement);
  rates.link = {25e9};
  const PlacedPrediction after = predict(placement);
  EXPECT_GT(after.step.value, 1.6 * before.step.value);
}

TEST_F(PlacedDecode, NeedsTheRatesThatItUses) {
  const Placement streamed = placed({SpillWay::stream, SpillWay::stream});
  const Placement by_cpu = placed({});
  rates.link = {};
  EXPECT_THROW(predict(streamed), Error);
  EXPECT_NO_THROW(predict(by_cpu));
  rates.host = {};
  EXPECT_THROW(predict(by_cpu), Error);
}

}  // namespace
}  // namespace ceiling::fit
