#include "lab/engines/streamed_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace ceiling::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(StreamedAnswer, CountsPiecesWithText) {
  StreamedAnswer answer;
  answer.event(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})", 0.1);
  answer.event(R"({"choices":[{"delta":{"content":"a"}}]})", 0.2);
  answer.event(R"({"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]})", 0.3);
  answer.event(R"({"choices":[{"text":"b","finish_reason":null}]})", 0.4);
  EXPECT_FALSE(answer.finished());
  answer.event(R"({"choices":[{"delta":{},"finish_reason":"length"}]})", 0.5);
  answer.event(R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}})", 0.6);
  answer.event("[DONE]", 0.7);
  EXPECT_THAT(answer.arrivals(), ElementsAre(0.2, 0.3, 0.4));
  EXPECT_TRUE(answer.finished());
  EXPECT_TRUE(answer.done());
  EXPECT_EQ(answer.prompt_tokens(), 12U);
  EXPECT_EQ(answer.answer_tokens(), 3U);
}

TEST(StreamedAnswer, MalformedPiecesAreNamed) {
  for (const char* data : {"", "{", "null", "[]", "7", R"({"choices":7})", R"({"choices":[1]})",
                           R"({"choices":[{"text":5}]})", R"({"choices":[{"delta":"x"}]})",
                           R"({"choices":[],"usage":{"prompt_tokens":-1}})", R"({"usage":"much"})",
                           R"({"choices":[{"text":"a"}],"choices":[]})"}) {
    StreamedAnswer answer;
    try {
      answer.event(data, 0);
      FAIL() << data;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::integrity) << data;
      EXPECT_THAT(error.what(), HasSubstr("event 1")) << data;
    }
    EXPECT_THAT(answer.arrivals(), IsEmpty());
  }
}

TEST(StreamedAnswer, WhatTheServerSaysWentWrongIsTold) {
  StreamedAnswer answer;
  try {
    answer.event(R"({"error":{"message":"out of memory\u001b[31m"}})", 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("out of memory\\x1b"));
  }
}

}  // namespace
}  // namespace ceiling::lab
