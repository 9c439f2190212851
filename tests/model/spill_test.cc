#include "model/spill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/architecture.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

using testing::HasSubstr;

constexpr PlaceFor kWhat{.context = 10};
constexpr std::uint32_t kRows = 512;

// The device holds the head and three of eight layers of the tiny model; beside a window, one.
class ChooseSpill : public testing::Test {
 protected:
  SpillChoice choose(double link, double host, std::uint32_t rows = kRows) const {
    UnitBudget device{.unit = "cuda",
                      .memory_bytes = memory,
                      .link_bytes_per_s = link,
                      .window_pieces = window_pieces,
                      .window_bytes = 100};
    UnitBudget cpu{.unit = "cpu", .reads_mapping = true, .read_bytes_per_s = host};
    return choose_spill(program, {device, cpu}, kWhat, rows);
  }

  Program program = build_program(*TinyModel::make("llama", 8).open());
  std::uint64_t memory = 420000;
  std::uint64_t window_pieces = 2;
};

TEST_F(ChooseSpill, PromptsCrossTheLinkAndAnswersGoByRates) {
  // Slow enough that a cut costs nothing beside a layer.
  const SpillChoice both = choose(1e6, 1e6);
  EXPECT_EQ(both.ways.prefill, SpillWay::stream);
  EXPECT_EQ(both.ways.decode, SpillWay::both);
  // 8 rows while the host reads seven layers at its share of the rate: 7.3 while they cross.
  EXPECT_EQ(both.prompt_rows, 9U);
  EXPECT_THAT(both.reason, HasSubstr("answers by both"));
  EXPECT_THAT(both.reason, HasSubstr("prompts by stream from 9 rows on"));
}

TEST_F(ChooseSpill, CutsThatCostMoreThanALayerAreNotMade) {
  EXPECT_EQ(choose(1e12, 2e12).ways.decode, SpillWay::cpu);
  EXPECT_EQ(choose(2e12, 1e12).ways.decode, SpillWay::stream);
}

TEST_F(ChooseSpill, FewRowsRunAsAnswersDo) {
  EXPECT_EQ(choose(1e6, 1e6, 9).ways.prefill, SpillWay::stream);
  EXPECT_EQ(choose(1e6, 1e6, 8).ways.prefill, SpillWay::both);
}

// Two layers more spill beside a window: a slow link does not give that back.
TEST_F(ChooseSpill, AWindowMustPayForItself) {
  const SpillChoice choice = choose(1e5, 1e6, 16);
  EXPECT_FALSE(choice.ways.streams());
  EXPECT_THAT(choice.reason, HasSubstr("take more from answers than it gives prompts"));
}

TEST_F(ChooseSpill, WithoutRatesOrRoomTheCpuRunsWhatSpills) {
  for (const SpillChoice& choice : {choose(0, 1e9), choose(1e9, 0)}) {
    EXPECT_FALSE(choice.ways.streams());
    EXPECT_THAT(choice.reason, HasSubstr("no rates"));
  }
  window_pieces = 0;
  EXPECT_THAT(choose(1e9, 1e9).reason, HasSubstr("no room to stream"));
  window_pieces = 2;
  memory = 100000;
  EXPECT_FALSE(choose(1e9, 1e9).ways.streams());
}

TEST_F(ChooseSpill, NothingSpillsNothingIsChosen) {
  memory = 1 << 30;
  const SpillChoice choice = choose(1e9, 1e9);
  EXPECT_FALSE(choice.ways.streams());
  EXPECT_EQ(choice.reason, "");
}

}  // namespace
}  // namespace ceiling
