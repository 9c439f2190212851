#include "lab/engines/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "lab/engines/fake_server.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;

HttpWaits short_waits() {
  HttpWaits waits;
  waits.connect_s = waits.first_s = waits.between_s = 0.3;
  waits.whole_s = 1;
  return waits;
}

std::string failure_of(const FakeServer& server, const HttpWaits& waits = short_waits()) {
  try {
    HttpClient(parse_address(server.url())).get("/x", waits);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    return error.what();
  }
  return "no error";
}

TEST(Address, IsHostPortAndPath) {
  const ServerAddress plain = parse_address("http://localhost:11434");
  EXPECT_EQ(plain.host, "localhost");
  EXPECT_EQ(plain.port, 11434);
  EXPECT_EQ(plain.path, "");
  EXPECT_TRUE(is_here(plain));
  const ServerAddress longer = parse_address("http://mac.example/llm/v1/");
  EXPECT_EQ(longer.port, 80);
  EXPECT_EQ(longer.path, "/llm");
  EXPECT_FALSE(is_here(longer));
  EXPECT_EQ(parse_address("http://[::1]:8080/v1").host, "::1");
}

TEST(Address, WhatItCannotBeIsNamed) {
  for (const char* url :
       {"", "localhost:80", "https://x", "http://", "http://x:0", "http://x:70000", "http://x:y",
        "http://a@b", "http://[::1", "http://[::1]x", "http://x y", "ftp://x", "http://x?y"}) {
    try {
      parse_address(url);
      FAIL() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << url;
    }
  }
}

TEST(HttpClient, SendsAndReadsWholeAnswers) {
  const FakeServer server([](const FakeRequest& request, FakeConnection& to) {
    to.write(http_answer(request.body == "{\"a\":1}" ? 201 : 404, "application/json", "[1]"));
  });
  const HttpClient client(parse_address(server.url() + "/base"));
  const HttpAnswer answer = client.post("/x", "{\"a\":1}", short_waits());
  EXPECT_EQ(answer.status, 201U);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body, "[1]");
  EXPECT_EQ(client.get("/y", short_waits()).status, 404U);
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[0].method, "POST");
  EXPECT_EQ(server.requests()[0].target, "/base/x");
  EXPECT_EQ(server.requests()[1].target, "/base/y");
}

TEST(HttpClient, NobodyThereIsSaid) {
  std::string url;
  {
    const FakeServer gone([](const FakeRequest&, FakeConnection&) {});
    url = gone.url();
  }
  try {
    HttpClient(parse_address(url)).get("/", short_waits());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no connection"));
  }
}

TEST(HttpClient, HostileAnswersAreErrorsInTime) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(failure_of(FakeServer([](const FakeRequest&, FakeConnection& to) {
                to.write("220 this is a mail server\r\n");
              })),
              HasSubstr("no answer"));
  EXPECT_THAT(failure_of(FakeServer([](const FakeRequest&, FakeConnection&) {})),
              HasSubstr("closed the connection"));
  EXPECT_THAT(failure_of(FakeServer([](const FakeRequest&, FakeConnection& to) { to.wait(5); })),
              HasSubstr("the time for it is over"));
  EXPECT_THAT(failure_of(FakeServer([](const FakeRequest&, FakeConnection& to) {
                to.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
              })),
              HasSubstr("cut off"));
  EXPECT_THAT(failure_of(FakeServer([](const FakeRequest&, FakeConnection& to) {
                to.write("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 17, 'x'));
              })),
              HasSubstr("no answer"));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 5);
}

TEST(HttpClient, AnEndlessAnswerEnds) {
  HttpWaits waits = short_waits();
  waits.most_bytes = 1 << 16;
  const auto endless = [](const FakeRequest&, FakeConnection& to) {
    to.write(stream_head());
    while (to.write(chunk(std::string(4096, 'x')))) {
    }
  };
  EXPECT_THAT(failure_of(FakeServer(endless), waits), HasSubstr("longer than 65536 bytes"));
  // A trickle that keeps every single wait, but not the whole.
  const auto trickle = [](const FakeRequest&, FakeConnection& to) {
    to.write(stream_head());
    while (to.write(chunk("x"))) to.wait(0.05);
  };
  EXPECT_THAT(failure_of(FakeServer(trickle)), HasSubstr("the time for it is over"));
}

}  // namespace
}  // namespace ceiling::lab
