// An OpenAI-compatible server as an engine, with servers of the test's own making.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/engines/engine_run.h"
#include "lab/engines/fake_server.h"
#include "lab/json/canonical_json.h"

namespace ceiling::lab {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Cell served_cell(const std::string& url) {
  Cell cell;
  cell.id = "7B-openai";
  cell.size = "7B";
  cell.type = "Q4_K_M";
  cell.model = FileModel{"unused"};
  cell.engine = {EngineKind::openai, url, "some:7b"};
  cell.prompt_tokens = 12;
  cell.least_tokens = 2;
  cell.most_tokens = 4;
  return cell;
}

EngineLimits short_limits() {
  EngineLimits limits;
  limits.connect_s = limits.reply_s = limits.load_s = 1;
  limits.first_token_s = limits.between_s = 0.5;
  limits.answer_s = 2;
  return limits;
}

bool is_streamed(const FakeRequest& request) {
  return request.body.find("\"stream\":true") != std::string::npos;
}

constexpr const char* kJson = "application/json";

// A server that knows completions and nothing else; `stream` says what it streams.
FakeServer::Handler plain(const std::function<void(FakeConnection&)>& stream) {
  return [stream](const FakeRequest& request, FakeConnection& to) {
    if (request.target != "/v1/completions") {
      to.write(http_answer(404, "text/plain", "no such page"));
    } else if (is_streamed(request)) {
      stream(to);
    } else {
      to.write(http_answer(200, kJson, R"({"choices":[{"text":"x"}]})"));
    }
  };
}

void five_tokens(FakeConnection& to) {
  to.write(stream_head());
  for (int i = 0; i < 5; ++i) {
    to.wait(i == 0 ? 0.06 : 0.02);
    to.write(token_event("x"));
  }
  to.write(chunk(R"(data: {"choices":[{"text":"","finish_reason":"length"}]})"
                 "\n\n"));
  to.write(chunk(R"(data: {"choices":[],"usage":{"prompt_tokens":13,"completion_tokens":5}})"
                 "\n\n"));
  to.write(chunk("data: [DONE]\n\n") + "0\r\n\r\n");
}

std::string failure_of(const std::function<void(FakeConnection&)>& stream) {
  const FakeServer server(plain(stream));
  try {
    const EngineRun run = run_server(served_cell(server.url()), 4, short_limits());
    return fmt::format("no error: {} tokens", run.token_s.size());
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ServerRun, TimesEachTokenWhereItArrives) {
  const FakeServer server(plain(&five_tokens));
  const EngineRun run = run_server(served_cell(server.url()), 4, short_limits());
  ASSERT_EQ(run.token_s.size(), 4U);
  EXPECT_FALSE(run.total.has_value());
  EXPECT_GT(run.first_token_s, 0.055);
  for (const double seconds : run.token_s) EXPECT_NEAR(seconds, 0.02, 0.019);
  EXPECT_EQ(run.prompt_tokens, 13U);
  EXPECT_EQ(run.load_s, 0);
  EXPECT_THAT(run.missing, Contains(HasSubstr("offers no unloading")));
  EXPECT_THAT(run.engine, HasSubstr("'some:7b'"));
}

TEST(ServerRun, AsksForTheCellsWork) {
  const FakeServer server(plain(&five_tokens));
  run_server(served_cell(server.url()), 4, short_limits());
  run_server(served_cell(server.url()), 4, short_limits());
  std::vector<nlohmann::json> asked;
  for (const FakeRequest& request : server.requests()) {
    if (is_streamed(request)) asked.push_back(parse_json(request.body, "request"));
  }
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0]["model"], "some:7b");
  EXPECT_EQ(asked[0]["max_tokens"], 5);
  EXPECT_EQ(asked[0]["temperature"], 0);
  EXPECT_EQ(asked[0]["stream_options"]["include_usage"], true);
  const std::string prompt = asked[0]["prompt"];
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), ' '), 11);
  // Its first words are new in each trial, or the server would remember the prompt.
  EXPECT_NE(prompt, asked[1]["prompt"]);
}

TEST(ServerRun, OllamaUnloadsFirst) {
  bool loaded = true;
  bool asked = false;
  int still_there = 2;
  const FakeServer server([&](const FakeRequest& request, FakeConnection& to) {
    if (request.target == "/api/version") {
      to.write(http_answer(200, kJson, R"({"version":"0.99.1"})"));
    } else if (request.target == "/api/generate") {
      EXPECT_EQ(parse_json(request.body, "body")["keep_alive"], 0);
      loaded = false;
      asked = true;
      to.write(http_answer(200, kJson, R"({"done":true,"done_reason":"unload"})"));
    } else if (request.target == "/api/ps") {
      const bool listed = loaded || still_there-- > 0;
      to.write(http_answer(200, kJson,
                           listed ? R"({"models":[{"name":"some:7b"}]})" : R"({"models":[]})"));
    } else {
      EXPECT_TRUE(asked);
      EXPECT_LE(still_there, 0);  // waited until it was gone
      loaded = true;
      plain (&five_tokens)(request, to);
    }
  });
  const EngineRun run = run_server(served_cell(server.url()), 4, short_limits());
  EXPECT_THAT(run.engine, HasSubstr("Ollama 0.99.1"));
  EXPECT_GT(run.load_s, 0);
  EXPECT_THAT(run.missing, Not(Contains(HasSubstr("offers no unloading"))));
}

TEST(ServerRun, LmStudioUnloadsEachInstance) {
  std::vector<std::string> loaded = {"some:7b", "some:7b:2"};
  const FakeServer server([&](const FakeRequest& request, FakeConnection& to) {
    if (request.target == "/api/v1/models") {
      nlohmann::json instances = nlohmann::json::array();
      for (const std::string& id : loaded) instances.push_back({{"id", id}});
      const nlohmann::json models = {
          {"models",
           {{{"key", "other"}, {"loaded_instances", nlohmann::json::array()}},
            {{"key", "some:7b"}, {"loaded_instances", instances}}}}};
      to.write(http_answer(200, kJson, models.dump()));
    } else if (request.target == "/api/v1/models/unload") {
      std::erase(loaded, parse_json(request.body, "body")["instance_id"].get<std::string>());
      to.write(http_answer(200, kJson, "{}"));
    } else {
      plain (&five_tokens)(request, to);
    }
  });
  const EngineRun run = run_server(served_cell(server.url()), 4, short_limits());
  EXPECT_TRUE(loaded.empty());
  EXPECT_THAT(run.engine, HasSubstr("LM Studio"));
}

TEST(ServerRun, AServerThatKeepsTheModelIsNamed) {
  const FakeServer server([](const FakeRequest& request, FakeConnection& to) {
    const bool version = request.target == "/api/version";
    to.write(http_answer(200, kJson,
                         version ? R"({"version":"1"})" : R"({"models":[{"name":"some:7b"}]})"));
  });
  try {
    run_server(served_cell(server.url()), 4, short_limits());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("still has 'some:7b' loaded"));
  }
}

TEST(ServerRun, AServerWithoutPlainCompletionsIsAskedForAChat) {
  const FakeServer server([](const FakeRequest& request, FakeConnection& to) {
    if (request.target != "/v1/chat/completions") {
      to.write(http_answer(404, "text/plain", ""));
    } else if (is_streamed(request)) {
      five_tokens(to);
    } else {
      to.write(http_answer(200, kJson, "{}"));
    }
  });
  const EngineRun run = run_server(served_cell(server.url()), 4, short_limits());
  EXPECT_THAT(run.missing, Contains(HasSubstr("chat format")));
  EXPECT_THAT(server.requests().back().body, HasSubstr("\"role\":\"user\""));
}

TEST(ServerRun, PiecesOfSeveralTokensGiveOnlyATotal) {
  const FakeServer server(plain([](FakeConnection& to) {
    to.write(stream_head());
    for (int i = 0; i < 3; ++i) {
      to.write(token_event("xxxx"));
      to.wait(0.03);
    }
    to.write(chunk(R"(data: {"choices":[],"usage":{"completion_tokens":12}})"
                   "\n\ndata: [DONE]\n\n"));
  }));
  const EngineRun run = run_server(served_cell(server.url()), 4, short_limits());
  EXPECT_TRUE(run.token_s.empty());
  ASSERT_TRUE(run.total.has_value());
  EXPECT_EQ(run.total->tokens, 11U);
  EXPECT_NEAR(run.total->seconds, 0.06, 0.04);
  EXPECT_THAT(run.missing, Contains(HasSubstr("12 tokens came in 3 pieces")));
}

TEST(ServerRun, AServerThatDoesNotStopIsHeardNoLonger) {
  const FakeServer server(plain([](FakeConnection& to) {
    to.write(stream_head());
    while (to.write(token_event("x"))) to.wait(0.002);
  }));
  const EngineRun run = run_server(served_cell(server.url()), 4, short_limits());
  EXPECT_LE(run.token_s.size(), 16U);
  EXPECT_THAT(run.missing, Contains(HasSubstr("each piece of the stream is taken as one")));
}

TEST(ServerRun, HostileStreamsAreErrors) {
  EXPECT_THAT(failure_of([](FakeConnection& to) {
                to.write(stream_head() + chunk("data: {\"choices\": [\n\n"));
                to.wait(0.1);
              }),
              HasSubstr("event 1 of the server's stream"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {
                to.write(http_answer(200, "text/html", "<p>welcome</p>"));
              }),
              HasSubstr("'text/html'; expected text/event-stream"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {  // mid-stream, and no end of the chunks
                to.write(stream_head() + token_event("x") + token_event("y"));
              }),
              HasSubstr("closed the connection"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {  // well ended, but never done
                to.write(stream_head() + token_event("x") + "0\r\n\r\n");
              }),
              HasSubstr("before it said that it was done"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {
                to.write(stream_head());
                to.wait(3);
              }),
              HasSubstr("the time for it is over"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {
                to.write(stream_head() + token_event("x"));
                to.wait(3);
              }),
              HasSubstr("the time for it is over"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {
                to.write(stream_head());
                while (to.write(chunk(std::string(8192, 'x')))) {
                }
              }),
              HasSubstr("event of more than"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {
                to.write(http_answer(500, kJson, R"({"error":"no memory"})"));
              }),
              HasSubstr("no memory"));
  EXPECT_THAT(failure_of([](FakeConnection& to) {
                to.write(stream_head() + chunk("data: {\"error\":\"it broke\"}\n\n"));
              }),
              HasSubstr("it broke"));
  EXPECT_THAT(
      failure_of([](FakeConnection& to) { to.write(stream_head() + chunk("data: [DONE]\n\n")); }),
      HasSubstr("expected at least 2"));
}

}  // namespace
}  // namespace ceiling::lab
