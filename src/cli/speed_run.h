// The work of a speed test: a prompt or a decode of so many tokens at a depth, timed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/session.h"

namespace ceiling::cli {

struct SpeedTest {
  enum class Kind : std::uint8_t { prompt, decode };
  Kind kind = Kind::decode;
  std::uint32_t tokens = 128;       // of the prompt, or decoded by each sequence
  std::uint32_t depth = 0;          // positions held before
  std::uint32_t sequences = 1;      // decoded together
  std::string name() const;         // "pp512", "tg128@d4096", "tg32@b8"
  std::uint32_t positions() const;  // that a session must hold for each sequence, warm-up included
};

// Tokens are random, from the seed; choosing them is not part of the clock. Throws what Session
// throws.
class SpeedRun {
 public:
  using GoOn = std::function<bool()>;
  using AfterStep = std::function<void(Seconds)>;

  // `go_on` is asked between steps; false ends what is going on.
  SpeedRun(Session& session, const SpeedTest& test, std::uint64_t seed, GoOn go_on);

  void prepare();  // fills the KV cache to the depth and warms up
  // One repetition, from the same depth each time. `after_step` is told the time of each decode
  // step, or of the prompt, and may take its time. Empty if it was ended.
  std::optional<Seconds> repeat(const AfterStep& after_step);

  Cost cost() const;            // of one repetition, by model/cost
  std::uint32_t steps() const;  // of one repetition

 private:
  std::uint32_t start() const;
  void back_to(std::uint32_t length);
  std::vector<Token> draw(std::size_t count);

  Session& session_;
  SpeedTest test_;
  GoOn go_on_;
  std::mt19937_64 random_;
  std::vector<std::uint32_t> sequences_;
};

}  // namespace ceiling::cli
