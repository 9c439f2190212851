#include "fit/speed_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "model/shapes.h"

namespace ceiling::fit {
namespace {

constexpr const char* kModel = R"({
  "decode": {"share": 2.0, "share/family=Ada": 0.5, "unpack": -30, "unpack/byte": -30,
             "fixed": -9.0, "fixed/backend=cuda": -1.0, "fixed/build": 0.2, "kv": 0.0},
  "prefill": {"rate": 3.0, "rate/vector": 0.0, "fixed": -12},
  "unseen_family": 1.5,
  "spread": {"decode/cuda": {"p80": 0.1, "p95": 0.2}, "decode/other": {"p80": 0.3, "p95": 0.5},
             "prefill/other": {"p80": 0.4, "p95": 0.8}}})";

Hardware card(const std::string& family) {
  Hardware hardware;
  hardware.name = "a card";
  hardware.vendor = "NVIDIA";
  hardware.family = family;
  hardware.bandwidth = {1000e9};
  hardware.fp32_flops = 40e12;
  return hardware;
}

Engine cuda(double year) { return {Backend::cuda, 0, true, year}; }

const DecodeWork kWork{.layers = 32, .weight_bytes = 4e9, .kv_bytes = 1e8, .weights = 7e9};

TEST(SpeedModel, AddsWhatNests) {
  const SpeedModel model = SpeedModel::parse(kModel);
  const DecodeTime time = model.decode(card("Ada"), cuda(2024.5), kWork);
  const double share = 1 / (1 + std::exp(-2.5));
  EXPECT_NEAR(time.stream_s, 4e9 / (1000e9 * share), 1e-9);
  EXPECT_NEAR(time.kv_s, 1e-4, 1e-12);
  EXPECT_NEAR(time.fixed_s, 32 * std::exp(-10.0 - 0.2 * build_step(2024.5)), 1e-9);
  EXPECT_NEAR(time.tokens_per_s.median, 1 / time.total_s(), 1e-9);
  EXPECT_NEAR(std::log(time.tokens_per_s.p80.high / time.tokens_per_s.median), 0.1, 1e-12);
}

TEST(SpeedModel, UnseenFamiliesInheritAndStakeMore) {
  const SpeedModel model = SpeedModel::parse(kModel);
  const DecodeTime unseen = model.decode(card("Newest"), cuda(2026), kWork);
  EXPECT_NEAR(unseen.stream_s, 4e9 / (1000e9 / (1 + std::exp(-2.0))), 1e-9);
  EXPECT_NEAR(std::log(unseen.tokens_per_s.p80.high / unseen.tokens_per_s.median), 0.15, 1e-12);
  EXPECT_TRUE(model.knows_family("Ada"));
  EXPECT_FALSE(model.knows_family("Newest"));
}

constexpr const char* kBackends = R"({
  "decode": {"share/backend=vulkan/vendor=NVIDIA": 0.0, "share/family=Ada": 0.5},
  "prefill": {"rate/backend=cuda/vendor=NVIDIA": 0.0, "rate/family=Ada": 0.0},
  "unseen_family": 1.5, "spread": {"decode/other": {"p80": 0.3, "p95": 0.5}}})";

TEST(SpeedModel, SaysWhatNoResultIsKnownOf) {
  const SpeedModel model = SpeedModel::parse(kBackends);
  const Engine today{Backend::vulkan, 0, true, 2026};
  const Engine early{Backend::vulkan, 0, true, 2024};
  EXPECT_EQ(model.unknown(Phase::decode, card("Ada"), today), "");
  EXPECT_EQ(model.unknown(Phase::decode, card("Ada"), early), "");
  EXPECT_EQ(model.unknown(Phase::decode, card("Newest"), today), "");
  EXPECT_THAT(model.unknown(Phase::decode, card("Newest"), early),
              testing::HasSubstr("family 'Newest'"));
  EXPECT_THAT(model.unknown(Phase::decode, card("Ada"), cuda(2026)),
              testing::HasSubstr("NVIDIA device with cuda"));
  EXPECT_EQ(model.unknown(Phase::prefill, card("Ada"), cuda(2026)), "");
}

TEST(SpeedModel, SharesAndFixedCostsChangeWithBandwidth) {
  const auto time = [](const char* term) {
    return SpeedModel::parse(std::string(R"({"decode": {"share": 1.0, "fixed": -9.0, "unpack": -30,
        "unpack/byte": -30, )") +
                             term + R"(: 0.5}, "prefill": {}, "unseen_family": 1,
        "spread": {"decode/other": {"p80": 0.3, "p95": 0.5}}})")
        .decode(card("Ada"), cuda(2024.6), kWork);
  };
  const double wide = std::log(1000.0 / 400);  // of a card of 1000 GB/s
  EXPECT_NEAR(time("\"fixed/bandwidth\"").fixed_s, 32 * std::exp(-9 + 0.5 * wide), 1e-9);
  EXPECT_NEAR(time("\"share/bandwidth\"").stream_s, 4e-3 * (1 + std::exp(-1 - 0.5 * wide)), 1e-9);
}

TEST(SpeedModel, FasterMemoryDoesNotWidenTheDevice) {
  const SpeedModel model = SpeedModel::parse(
      R"({"decode": {"fixed": -9.0, "fixed/bandwidth": 0.9}, "prefill": {}, "unseen_family": 1,
          "spread": {"decode/other": {"p80": 0.3, "p95": 0.5}}})");
  Hardware device = card("Ada");
  device.built_for = device.bandwidth;
  Hardware faster = device;
  faster.bandwidth.value *= 2;
  EXPECT_DOUBLE_EQ(model.decode(faster, cuda(2026), kWork).fixed_s,
                   model.decode(device, cuda(2026), kWork).fixed_s);
}

TEST(SpeedModel, LaterBuildsAreFaster) {
  const SpeedModel model = SpeedModel::parse(kModel);
  EXPECT_GT(model.decode(card("Ada"), cuda(2026), kWork).tokens_per_s.median,
            model.decode(card("Ada"), cuda(2023.5), kWork).tokens_per_s.median);
}

TEST(SpeedModel, RefusesWhatItCannotKnow) {
  const SpeedModel model = SpeedModel::parse(kModel);
  Hardware unknown = card("Ada");
  unknown.bandwidth = {};
  EXPECT_THROW(model.decode(unknown, cuda(2026), kWork), Error);
  EXPECT_THROW(SpeedModel::parse("{}"), Error);
  EXPECT_THROW(SpeedModel::parse("not json"), Error);
}

// Whatever was fitted: no bare ceiling, more bytes take longer, faster memory is faster, and no
// machine of the catalogue is told to run faster than its memory.
TEST(FittedModel, StaysUnderTheCeiling) {
  const SpeedModel& model = SpeedModel::fitted();
  const Program program = shape_program(find_shape("8B"), "Q4_K_M");
  const DecodeWork work = decode_work(program, TypeClass::super_blocks, 512, 128);
  for (const Hardware& hardware : hardware_catalogue()) {
    if (!(hardware.bandwidth.value > 0)) continue;
    const Engine engine = usual_engine(hardware);
    const DecodeTime time = model.decode(hardware, engine, work);
    const double most = hardware.bandwidth.value / (work.weight_bytes + work.kv_bytes);
    EXPECT_LT(time.tokens_per_s.median, most) << hardware.name;
    EXPECT_GT(time.tokens_per_s.median, most * 0.03) << hardware.name;
    EXPECT_LT(time.tokens_per_s.p95.low, time.tokens_per_s.p80.low);
    Hardware faster = hardware;
    faster.bandwidth.value *= 1.5;
    EXPECT_GT(model.decode(faster, engine, work).tokens_per_s.median, time.tokens_per_s.median)
        << hardware.name;
    const PrefillTime prompt =
        model.prefill(hardware, engine, prefill_work(program, TypeClass::super_blocks, 0, 512));
    EXPECT_GT(prompt.tokens_per_s.median, time.tokens_per_s.median) << hardware.name;
  }
}

}  // namespace
}  // namespace ceiling::fit
