#include "engine/stop_texts.h"

#include <gtest/gtest.h>

namespace ceiling {
namespace {

// What comes out when a text goes in byte by byte: the answer, whatever the pieces were.
std::string byte_by_byte(StopTexts& stops, std::string_view text) {
  std::string answer;
  for (const char c : text) answer += stops.push(std::string_view(&c, 1));
  return answer + stops.finish();
}

TEST(StopTexts, WithoutAnyTextPassesAtOnce) {
  StopTexts stops({});
  EXPECT_EQ(stops.push("hello"), "hello");
  EXPECT_FALSE(stops.matched());
}

TEST(StopTexts, EndsTheAnswerBeforeTheStopText) {
  StopTexts stops({"END"});
  EXPECT_EQ(stops.push("one END two"), "one ");
  EXPECT_TRUE(stops.matched());
  EXPECT_EQ(stops.push("three"), "");
  EXPECT_EQ(stops.finish(), "");
}

TEST(StopTexts, HoldsBackWhatMayBecomeAStopText) {
  StopTexts stops({"</s>"});
  EXPECT_EQ(stops.push("a<"), "a");
  EXPECT_EQ(stops.push("/"), "");
  EXPECT_EQ(stops.push("b"), "</b");
  EXPECT_EQ(stops.push("<"), "");
  EXPECT_EQ(stops.finish(), "<");
}

TEST(StopTexts, FindsOneThatBeginsInsideAFailedAttempt) {
  StopTexts stops({"aab"});
  EXPECT_EQ(byte_by_byte(stops, "xaaab!"), "xa");
  EXPECT_TRUE(stops.matched());
}

TEST(StopTexts, TheEarliestOfSeveralWins) {
  StopTexts stops({"later", "now"});
  EXPECT_EQ(stops.push("is now or later"), "is ");
}

TEST(StopTexts, ALongerCandidateDoesNotHideAShorterMatch) {
  StopTexts stops({"abcd", "bc"});
  EXPECT_EQ(byte_by_byte(stops, "xabcz"), "xa");
}

TEST(StopTexts, AnEmptyStopTextStopsNothing) {
  StopTexts stops({""});
  EXPECT_EQ(stops.push("text"), "text");
  EXPECT_FALSE(stops.matched());
}

}  // namespace
}  // namespace ceiling
