#include "cli/speed_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

namespace ceiling::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kWarmUpSteps = 2;
constexpr std::uint32_t kWarmUpPrompt = 64;

Seconds since(Clock::time_point start) {
  return {std::chrono::duration<double>(Clock::now() - start).count()};
}

}  // namespace

std::string SpeedTest::name() const {
  std::string text = fmt::format("{}{}", kind == Kind::prompt ? "pp" : "tg", tokens);
  if (depth > 0) text += fmt::format("@d{}", depth);
  if (sequences > 1) text += fmt::format("@b{}", sequences);
  return text;
}

std::uint32_t SpeedTest::positions() const {
  return depth + tokens + (kind == Kind::decode ? kWarmUpSteps : 0);
}

SpeedRun::SpeedRun(Session& session, const SpeedTest& test, std::uint64_t seed, GoOn go_on)
    : session_(session),
      test_(test),
      go_on_(std::move(go_on)),
      random_(seed),
      sequences_(test.sequences) {
  std::iota(sequences_.begin(), sequences_.end(), 0U);
}

// Where the clock starts: a decode follows its own warm-up.
std::uint32_t SpeedRun::start() const { return test_.positions() - test_.tokens; }

std::uint32_t SpeedRun::steps() const {
  return test_.kind == SpeedTest::Kind::decode ? test_.tokens : 1;
}

Cost SpeedRun::cost() const {
  const Program& program = session_.model().program();
  const KvType kv = session_.options().kv;
  Cost total;
  if (test_.kind == SpeedTest::Kind::decode) {
    Batch batch;
    for (const std::uint32_t sequence : sequences_) batch.rows.push_back({0, 0, sequence, true});
    for (std::uint32_t i = 0; i < test_.tokens; ++i) {
      for (BatchRow& row : batch.rows) row.position = start() + i;
      total += ceiling::cost(program, batch, kv);
    }
    return total;
  }
  const std::uint32_t chunk = session_.options().batch_rows;
  for (std::uint32_t done = 0; done < test_.tokens; done += chunk) {
    const std::uint32_t count = std::min(chunk, test_.tokens - done);
    Batch batch = shape_batch(test_.depth + done, count);
    batch.rows.back().logits = done + count == test_.tokens;
    total += ceiling::cost(program, batch, kv);
  }
  return total;
}

void SpeedRun::back_to(std::uint32_t length) {
  for (const std::uint32_t sequence : sequences_) session_.truncate(sequence, length);
}

std::vector<Token> SpeedRun::draw(std::size_t count) {
  std::vector<Token> tokens(count);
  for (Token& token : tokens) {
    token = static_cast<Token>(random_() % session_.model().program().vocabulary);
  }
  return tokens;
}

void SpeedRun::prepare() {
  back_to(0);
  // Each sequence has a past of its own: shared pages would be read once for all of them.
  for (const std::uint32_t sequence : sequences_) {
    if (test_.depth > 0) session_.append(sequence, draw(test_.depth), go_on_);
  }
  if (test_.kind == SpeedTest::Kind::prompt) {
    session_.append(0, draw(std::min(kWarmUpPrompt, test_.tokens)));
    return;
  }
  for (std::uint32_t i = 0; i < kWarmUpSteps; ++i) {
    session_.step(sequences_, draw(sequences_.size()));
  }
}

std::optional<Seconds> SpeedRun::repeat(const AfterStep& after_step) {
  back_to(start());
  Seconds total;
  for (std::uint32_t i = 0; i < steps(); ++i) {
    if (!go_on_()) return std::nullopt;
    const std::vector<Token> tokens =
        draw(test_.kind == SpeedTest::Kind::decode ? sequences_.size() : test_.tokens);
    const auto begin = Clock::now();
    if (test_.kind == SpeedTest::Kind::decode) {
      session_.step(sequences_, tokens);
    } else if (session_.append(0, tokens, go_on_).empty()) {
      return std::nullopt;
    }
    const Seconds time = since(begin);
    total = total + time;
    if (after_step) after_step(time);
  }
  return total;
}

}  // namespace ceiling::cli
