#include "model/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/architecture.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

using testing::HasSubstr;

// Bytes of the tiny llama: float32 matrices and norms of a layer; KV of a layer and position.
constexpr std::uint64_t kLayer = 4 * (64 * 64 + 64 * 32 + 64 * 32 + 64 * 64 + 3 * 64 * 96 + 2 * 64);
constexpr std::uint64_t kHead = 4 * (64 + 50 * 64);
constexpr std::uint64_t kTable = 4 * 50 * 64;
constexpr std::uint64_t kKvPosition = 2 * 2 * 16 * 2;
constexpr std::uint32_t kContext = 10;
constexpr std::uint64_t kLayerKv = kKvPosition * kContext;

Program tiny(bool tied = false) {
  TinyModel model = TinyModel::make("llama", 4);
  if (tied) model.tensors.erase("output.weight");
  return build_program(*model.open());
}

UnitBudget cpu() { return {.unit = "cpu", .reads_mapping = true}; }
UnitBudget gpu(std::uint64_t memory, const std::string& unit = "cuda:0") {
  return {.unit = unit,
          .memory_bytes = memory + 1000,
          .workspace_bytes = 1000,
          .link_bytes_per_s = 1e9};
}

Placement decode(const Program& program, const std::vector<UnitBudget>& units) {
  return place(program, units, kContext, 1, KvType::f16, Phase::decode);
}

void expect_whole(const Program& program, const Placement& placement) {
  std::size_t next = 0;
  for (const Segment& segment : placement.segments) {
    EXPECT_EQ(segment.begin, next);
    EXPECT_GT(segment.end, segment.begin);
    next = segment.end;
  }
  EXPECT_EQ(next, program.steps.size());
}

TEST(Placement, OneUnitRunsEverythingFromTheMapping) {
  const Program program = tiny();
  const Placement placement = decode(program, {cpu()});
  expect_whole(program, placement);
  ASSERT_EQ(placement.segments.size(), 1U);
  EXPECT_EQ(placement.segments[0].residency, Residency::shared);
  EXPECT_EQ(placement.shared_bytes, program.weight_bytes());
  EXPECT_EQ(placement.segments[0].kv_bytes, 4 * kLayerKv);
  EXPECT_EQ(placement.cut_bytes_per_row, 0U);
  EXPECT_EQ(placement.segments[0].holds, "embedding, layers 0-3, output");
}

TEST(Placement, WhatAUnitReadsAcrossALinkIsSpilled) {
  const Program program = tiny();
  const UnitBudget gpu_that_imports{.unit = "vulkan", .reads_mapping = true, .over_link = true};
  const Placement placement = decode(program, {gpu_that_imports});
  expect_whole(program, placement);
  ASSERT_EQ(placement.segments.size(), 1U);
  EXPECT_EQ(placement.segments[0].unit, "vulkan");
  EXPECT_EQ(placement.segments[0].residency, Residency::spilled);
  EXPECT_EQ(placement.spilled_bytes, program.weight_bytes());
  EXPECT_EQ(placement.shared_bytes, 0U);
  try {
    place(program, {gpu_that_imports}, kContext, 1, KvType::f16, Phase::decode, true);
    ADD_FAILURE() << "spilled although that was not allowed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::refused);
    EXPECT_THAT(error.what(), HasSubstr("across the link"));
  }
}

TEST(Placement, ExactBudgetHoldsAllButTheLookUp) {
  const Program program = tiny();
  const Placement placement = decode(program, {gpu(4 * (kLayer + kLayerKv) + kHead), cpu()});
  expect_whole(program, placement);
  ASSERT_EQ(placement.segments.size(), 2U);
  EXPECT_EQ(placement.segments[0].unit, "cpu");
  EXPECT_EQ(placement.segments[0].residency, Residency::shared);
  EXPECT_EQ(placement.segments[0].weight_bytes, kTable);
  EXPECT_EQ(placement.segments[1].residency, Residency::copied);
  EXPECT_EQ(placement.copied_bytes, 4 * kLayer + kHead);
  EXPECT_EQ(placement.spilled_bytes, 0U);
  EXPECT_EQ(placement.cut_bytes_per_row, 64U * 4);
}

TEST(Placement, RoomForTheTableTakesTheLookUpToo) {
  const Program program = tiny();
  const std::uint64_t rest = 4 * (kLayer + kLayerKv) + kHead;
  const Placement all = decode(program, {gpu(rest + kTable), cpu()});
  ASSERT_EQ(all.segments.size(), 1U);
  EXPECT_EQ(all.copied_bytes, program.weight_bytes());
  EXPECT_EQ(decode(program, {gpu(rest + kTable - 1), cpu()}).segments.size(), 2U);
}

TEST(Placement, OneByteLessSpillsOneLayer) {
  const Program program = tiny();
  const std::vector<UnitBudget> units = {gpu(4 * (kLayer + kLayerKv) + kHead - 1), cpu()};
  const Placement placement = decode(program, units);
  expect_whole(program, placement);
  ASSERT_EQ(placement.segments.size(), 3U);
  EXPECT_EQ(placement.segments[1].unit, "cpu");
  EXPECT_EQ(placement.segments[1].residency, Residency::spilled);
  EXPECT_EQ(placement.segments[1].holds, "layer 0");
  EXPECT_EQ(placement.spilled_bytes, kLayer);
  EXPECT_EQ(placement.segments[2].weight_bytes, 3 * kLayer + kHead);
  EXPECT_EQ(placement.segments[2].kv_bytes, 3 * kLayerKv);
  EXPECT_EQ(placement.cut_bytes_per_row, 64U * 4);  // both CPU segments are one unit's
}

TEST(Placement, KvCountsAgainstTheBudget) {
  const Program program = tiny();
  const std::vector<UnitBudget> units = {gpu(4 * (kLayer + kLayerKv) + kHead), cpu()};
  const Placement doubled = place(program, units, kContext, 2, KvType::f16, Phase::decode);
  EXPECT_EQ(doubled.spilled_bytes, kLayer);
}

TEST(Placement, NoSpillRefuses) {
  const Program program = tiny();
  try {
    place(program, {gpu(kHead + kLayer), cpu()}, kContext, 1, KvType::f16, Phase::decode, true);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::refused);
    EXPECT_THAT(error.what(), HasSubstr("would spill out of"));
    EXPECT_THAT(error.what(), HasSubstr("cuda:0"));
  }
  EXPECT_NO_THROW(
      place(program, {gpu(1 << 24), cpu()}, kContext, 1, KvType::f16, Phase::decode, true));
}

TEST(Placement, NothingFitsSoTheCpuRunsAll) {
  const Program program = tiny();
  const Placement placement = decode(program, {gpu(0), cpu()});
  expect_whole(program, placement);
  for (const Segment& segment : placement.segments) EXPECT_EQ(segment.unit, "cpu");
  EXPECT_EQ(placement.spilled_bytes, 4 * kLayer + kHead);
  EXPECT_EQ(placement.cut_bytes_per_row, 0U);
}

TEST(Placement, SecondUnitTakesWhatTheFirstLeaves) {
  const Program program = tiny();
  const Placement placement = decode(program, {gpu(kHead + 2 * (kLayer + kLayerKv), "cuda:0"),
                                               gpu(2 * (kLayer + kLayerKv), "cuda:1"), cpu()});
  expect_whole(program, placement);
  ASSERT_EQ(placement.segments.size(), 3U);
  EXPECT_EQ(placement.segments[1].unit, "cuda:1");
  EXPECT_EQ(placement.segments[2].unit, "cuda:0");
  EXPECT_EQ(placement.spilled_bytes, 0U);
  EXPECT_EQ(placement.cut_bytes_per_row, 2U * 64 * 4);
}

TEST(Placement, TiedTableOnTheDeviceServesTheLookUpToo) {
  const Program program = tiny(true);
  const Placement placement = decode(program, {gpu(1 << 24), cpu()});
  ASSERT_EQ(placement.segments.size(), 1U);
  EXPECT_EQ(placement.segments[0].unit, "cuda:0");
  EXPECT_EQ(placement.copied_bytes, program.weight_bytes());
}

TEST(Placement, PrefillReadsSpilledLayersOverTheLink) {
  const Program program = tiny();
  const std::vector<UnitBudget> units = {gpu(kHead + 2 * (kLayer + kLayerKv)), cpu()};
  const Placement prefill = place(program, units, kContext, 1, KvType::f16, Phase::prefill);
  ASSERT_EQ(prefill.segments.size(), 3U);
  EXPECT_EQ(prefill.segments[1].unit, "cuda:0");
  EXPECT_EQ(prefill.segments[1].residency, Residency::spilled);
  EXPECT_EQ(decode(program, units).segments[1].unit, "cpu");
}

// Streaming: a window of two layers and 500 bytes.
UnitBudget streaming_gpu(std::uint64_t memory) {
  UnitBudget unit = gpu(memory);
  unit.window_pieces = 2;
  unit.window_bytes = 500;
  return unit;
}
constexpr std::uint64_t kWindow = 2 * kLayer + 500;
constexpr PlaceFor kWhat{.context = kContext};

std::vector<std::string> units_of(const Placement& placement) {
  std::vector<std::string> out;
  for (const Segment& segment : placement.segments) {
    out.push_back(segment.holds + " " + segment.unit + " " + std::string(name(segment.residency)));
  }
  return out;
}

TEST(Placement, StreamingKeepsAWindowAndTheWholeCache) {
  const Program program = tiny();
  const std::uint64_t exact = kWindow + 4 * kLayerKv + kHead + kLayer;
  const Spill spill{SpillWay::stream, SpillWay::cpu};
  const Placements both = place_phases(program, {streaming_gpu(exact), cpu()}, kWhat, spill);
  expect_whole(program, both.prefill);
  expect_whole(program, both.decode);
  EXPECT_THAT(units_of(both.prefill),
              testing::ElementsAre("embedding cpu shared", "layers 0-2 cuda:0 spilled",
                                   "layer 3, output cuda:0 copied"));
  EXPECT_THAT(units_of(both.decode),
              testing::ElementsAre("embedding cpu shared", "layers 0-2 cpu spilled",
                                   "layer 3, output cuda:0 copied"));
  EXPECT_EQ(both.prefill.window_bytes, kWindow);
  EXPECT_EQ(both.decode.spilled_bytes, 3 * kLayer);
  const Placements less = place_phases(program, {streaming_gpu(exact - 1), cpu()}, kWhat, spill);
  EXPECT_EQ(less.decode.spilled_bytes, 4 * kLayer);
}

// Six of eight layers spill: in one group; of twelve layers nine, in two with layers that stay
// between.
TEST(Placement, WhatStaysLiesAmongWhatStreams) {
  const auto streamed = [](std::uint32_t layers, std::uint64_t kept) {
    const Program program = build_program(*TinyModel::make("llama", layers).open());
    const std::uint64_t memory = kWindow + layers * kLayerKv + kHead + kept * kLayer;
    return place_phases(program, {streaming_gpu(memory), cpu()}, kWhat,
                        {SpillWay::stream, SpillWay::cpu});
  };
  EXPECT_THAT(units_of(streamed(8, 2).decode),
              testing::ElementsAre("embedding cpu shared", "layers 0-5 cpu spilled",
                                   "layers 6-7, output cuda:0 copied"));
  const Placements twelve = streamed(12, 3);
  EXPECT_THAT(units_of(twelve.prefill),
              testing::ElementsAre("embedding cpu shared", "layers 0-3 cuda:0 spilled",
                                   "layers 4-5 cuda:0 copied", "layers 6-10 cuda:0 spilled",
                                   "layer 11, output cuda:0 copied"));
  EXPECT_EQ(twelve.decode.copied_bytes, 3 * kLayer + kHead);
  EXPECT_EQ(twelve.prefill.copied_bytes, twelve.decode.copied_bytes);
  EXPECT_THAT(describe(twelve.decode), HasSubstr("layers 0-3, 6-10\n"));
}

TEST(Placement, NoWindowIsKeptWhereAllFits) {
  const Program program = tiny();
  const std::uint64_t exact = 4 * (kLayer + kLayerKv) + kHead;
  const Placements both = place_phases(program, {streaming_gpu(exact), cpu()}, kWhat,
                                       {SpillWay::stream, SpillWay::stream});
  EXPECT_EQ(both.decode.spilled_bytes, 0U);
  EXPECT_EQ(both.decode.window_bytes, 0U);
}

TEST(Placement, BothTakeTurnsByTheirRates) {
  const Program program = tiny();
  const auto shared = [&](double link, double host) {
    UnitBudget first = streaming_gpu(kWindow + 4 * kLayerKv + kHead);
    first.link_bytes_per_s = link;
    UnitBudget last = cpu();
    last.read_bytes_per_s = host;
    return units_of(
        place_phases(program, {first, last}, kWhat, {SpillWay::both, SpillWay::both}).decode);
  };
  EXPECT_THAT(shared(1e9, 1e9),
              testing::ElementsAre("embedding cpu shared", "layer 0 cpu spilled",
                                   "layers 1-2 cuda:0 spilled", "layer 3 cpu spilled",
                                   "output cuda:0 copied"));
  EXPECT_THAT(shared(1e9, 3e9),
              testing::ElementsAre("embedding cpu shared", "layer 0 cuda:0 spilled",
                                   "layers 1-3 cpu spilled", "output cuda:0 copied"));
  EXPECT_THAT(shared(0, 0), shared(1e9, 1e9));
}

TEST(Placement, StreamingWithoutRoomForAWindowIsRefused) {
  const Program program = tiny();
  const std::vector<UnitBudget> units = {streaming_gpu(kWindow + 4 * kLayerKv - 1), cpu()};
  EXPECT_FALSE(can_stream(program, units, kWhat));
  EXPECT_TRUE(can_stream(program, {streaming_gpu(kWindow + 4 * kLayerKv), cpu()}, kWhat));
  try {
    place_phases(program, units, kWhat, {SpillWay::stream, SpillWay::stream});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("cuda:0"));
    EXPECT_THAT(error.what(), HasSubstr("--device-memory"));
    EXPECT_THAT(error.what(), HasSubstr("--spill cpu"));
  }
}

TEST(Placement, TheHeadNeverCrosses) {
  const Program program = tiny();
  const Placement placement = place_phases(program, {streaming_gpu(kWindow + 4 * kLayerKv), cpu()},
                                           kWhat, {SpillWay::stream, SpillWay::stream})
                                  .decode;
  EXPECT_THAT(units_of(placement),
              testing::ElementsAre("embedding cpu shared", "layers 0-3 cuda:0 spilled",
                                   "output cpu spilled"));
}

TEST(Placement, TheLastUnitMustReadTheMapping) {
  EXPECT_THROW(decode(tiny(), {gpu(1000)}), Error);
  EXPECT_THROW(decode(tiny(), {}), Error);
}

TEST(Placement, DescribesEachSegmentInALine) {
  const Program program = tiny();
  const std::string text = describe(decode(program, {gpu(kHead + 2 * (kLayer + kLayerKv)), cpu()}));
  EXPECT_THAT(text, HasSubstr("layers 2-3, output"));
  EXPECT_THAT(text, HasSubstr("spilled"));
  EXPECT_THAT(text, HasSubstr("between units, each row: 256 bytes"));
}

}  // namespace
}  // namespace ceiling
