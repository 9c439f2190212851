#include "lab/engines/sse_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace ceiling::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SseReader, AnEventEndsWithAnEmptyLine) {
  SseReader reader;
  EXPECT_THAT(reader.feed("data: a\n"), IsEmpty());
  EXPECT_THAT(reader.feed("\ndata: b\n\n"), ElementsAre("a", "b"));
}

// However the network cuts it.
TEST(SseReader, PiecesDoNotMatter) {
  const std::string text =
      "\xEF\xBB\xBF"
      "data: one\r\n\r\n: a comment\r\revent: x\ndata:two\ndata: lines\nid: 7\n\ndata\n\n";
  SseReader whole;
  const std::vector<std::string> expected = {"one", "two\nlines", ""};
  EXPECT_EQ(whole.feed(text), expected);
  SseReader bytewise;
  std::vector<std::string> got;
  for (const char c : text) {
    for (std::string& event : bytewise.feed(std::string_view(&c, 1))) got.push_back(event);
  }
  EXPECT_EQ(got, expected);
}

TEST(SseReader, WhatIsNotEndedIsNoEvent) {
  SseReader reader;
  EXPECT_THAT(reader.feed("data: half"), IsEmpty());
  EXPECT_THAT(reader.feed("\n"), IsEmpty());
}

TEST(SseReader, AnEndlessLineIsRefused) {
  SseReader reader;
  const std::string much(SseReader::kMostEventBytes / 4, 'x');
  EXPECT_THROW(
      {
        for (int i = 0; i < 8; ++i) reader.feed(much);
      },
      Error);
  SseReader lines;
  EXPECT_THROW(
      {
        for (int i = 0; i < 8; ++i) lines.feed("data: " + much + "\n");
      },
      Error);
}

}  // namespace
}  // namespace ceiling::lab
