// The verdicts on what is often said, each on figures that decide it or do not.
#include "lab/tradeoff/statements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/tradeoff/measured_types.h"

namespace ceiling::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using enum StatementOutcome;

constexpr std::uint64_t kMiB = 1 << 20;

Tradeoff tradeoff(std::vector<TrueType> types, std::size_t blocks = 5) {
  std::mt19937 random(21);
  Tradeoff out;
  out.model_name = "model";
  out.counted_tokens = 2040;
  out.options.blocks = static_cast<std::uint32_t>(blocks);
  types.insert(types.begin(), {"F16 (source)", 200 * kMiB, 20, 0, 0});
  out.points = measured(types, blocks, {0.05, 0.01}, random);
  mark_dominated(out.points);
  return out;
}

const TrueType kF32 = {"F32", 400 * kMiB, 10, 0, 0};
const TrueType kQ8 = {"Q8_0", 106 * kMiB, 40, 0.0009, 0.00005};
const TrueType kQ5 = {"Q5_K_M", 75 * kMiB, 50, 0.01};
const TrueType kQ4 = {"Q4_K_M", 60 * kMiB, 60, 0.03};
const TrueType kQ3 = {"Q3_K_M", 50 * kMiB, 66, 0.12, 0.002};

Statement memory(const Tradeoff& t) { return statements(t)[0]; }
Statement eight(const Tradeoff& t) { return statements(t)[1]; }
Statement balance(const Tradeoff& t) { return statements(t)[2]; }

TEST(Statements, TheMemoryOf32BitsIsTheRatioOfTheFiles) {
  const Statement found = memory(tradeoff({kF32, kQ8}));
  EXPECT_EQ(found.outcome, not_supported);
  EXPECT_THAT(found.because,
              AllOf(HasSubstr("400 MiB"), HasSubstr("106 MiB"), HasSubstr("3.77 times")));
  TrueType small = kQ8;
  small.bytes = 100 * kMiB;
  EXPECT_EQ(memory(tradeoff({kF32, small})).outcome, supported);
  EXPECT_EQ(memory(tradeoff({kQ8})).outcome, not_shown);
  EXPECT_THAT(memory(tradeoff({kQ8})).because, HasSubstr("needs F32 and Q8_0"));
}

TEST(Statements, AQuantisedSourceHasTheMemoryThatItHas) {
  Tradeoff quantised = tradeoff({kF32, kQ8});
  quantised.source_quantised = true;
  quantised.quantised_type = "Q4_1";
  EXPECT_EQ(memory(quantised).outcome, not_supported);
}

TEST(Statements, EightBitsAreJudgedByTheirIntervalAgainstAStatedLimit) {
  EXPECT_EQ(eight(tradeoff({kQ8})).outcome, supported);
  EXPECT_THAT(eight(tradeoff({kQ8})).because,
              AllOf(HasSubstr("0.0009"), HasSubstr("2040 places"), HasSubstr("below 0.01 nats")));
  TrueType type = kQ8;
  type.kl = 0.011;
  type.kl_error = 0.001;
  EXPECT_EQ(eight(tradeoff({type})).outcome, not_shown);
  type.kl = 0.02;
  EXPECT_EQ(eight(tradeoff({type})).outcome, not_supported);
  EXPECT_THAT(eight(tradeoff({kQ4})).because, HasSubstr("needs Q8_0"));
}

TEST(Statements, DistancesFromAQuantisedFileShowNoQuality) {
  Tradeoff quantised = tradeoff({kQ8, kQ4, kQ3});
  quantised.source_quantised = true;
  quantised.quantised_type = "Q4_1";
  for (const Statement& found : {eight(quantised), balance(quantised)}) {
    EXPECT_EQ(found.outcome, not_shown) << found.claim;
    EXPECT_THAT(found.because, HasSubstr("quantised file (Q4_1)"));
  }
  EXPECT_THAT(eight(quantised).because, HasSubstr("0.0009"));
  EXPECT_THAT(balance(quantised).because, HasSubstr("0.0300"));
  Tradeoff synthetic = tradeoff({kQ8, kQ4, kQ3});
  synthetic.synthetic = true;
  EXPECT_EQ(eight(synthetic).outcome, not_shown);
  EXPECT_THAT(balance(synthetic).because, HasSubstr("synthetic"));
}

TEST(Statements, TheBestBalanceIsGivenAsWhatTheNextTypesWouldCost) {
  const Statement found = balance(tradeoff({kQ8, kQ5, kQ4, kQ3}));
  EXPECT_EQ(found.outcome, not_shown);
  EXPECT_THAT(found.because, AllOf(HasSubstr("nothing dominates it"),
                                   HasSubstr("Q3_K_M saves 10.0 MiB and lies 0.0900 nats further"),
                                   HasSubstr("Q5_K_M takes 15.0 MiB and lies 0.0200 nats nearer")));
  EXPECT_THAT(balance(tradeoff({kQ4})).because, HasSubstr("needs other types"));
  EXPECT_THAT(balance(tradeoff({kQ8})).because, HasSubstr("needs Q4_K_M"));
}

TEST(Statements, ADominatedTypeIsNoBestBalanceAndOneThatDominatesAllIs) {
  const TrueType better = {"IQ4_XS", 55 * kMiB, 80, 0.02};
  EXPECT_EQ(balance(tradeoff({kQ4, better})).outcome, not_supported);
  EXPECT_THAT(balance(tradeoff({kQ4, better})).because, HasSubstr("IQ4_XS dominates it"));
  const TrueType worse = {"Q5_0", 70 * kMiB, 45, 0.05};
  EXPECT_EQ(balance(tradeoff({kQ4, worse})).outcome, supported);
}

TEST(Statements, WhereSpeedsAreNotToldApartNoBalanceIsClaimed) {
  const TrueType rival = {"IQ4_XS", 55 * kMiB, 60.1, 0.02};
  const Statement against = balance(tradeoff({kQ4, rival}));
  EXPECT_EQ(against.outcome, not_shown);
  EXPECT_THAT(against.because,
              HasSubstr("not told by 5 blocks and 2040 tokens whether IQ4_XS dominates it"));
  const TrueType worse = {"Q5_0", 70 * kMiB, 60.1, 0.05};
  EXPECT_EQ(balance(tradeoff({kQ4, worse})).outcome, not_shown);
  EXPECT_EQ(balance(tradeoff({kQ4, {"Q5_0", 70 * kMiB, 20, 0.05}}, 1)).outcome, not_shown);
}

}  // namespace
}  // namespace ceiling::lab
