// The pieces of an answer that an OpenAI-compatible server streams, and when each came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ceiling::lab {

class StreamedAnswer {
 public:
  // One event's data that arrived `at_s` after the request. Throws Error(integrity) for JSON that
  // is malformed or no chunk of an answer, Error(failed) with what the server says went wrong.
  void event(const std::string& data, double at_s);

  bool finished() const { return finished_; }                        // it said why it stopped
  bool done() const { return done_; }                                // "[DONE]"
  const std::vector<double>& arrivals() const { return arrivals_; }  // of pieces with text
  std::optional<std::uint64_t> prompt_tokens() const { return prompt_tokens_; }
  std::optional<std::uint64_t> answer_tokens() const { return answer_tokens_; }

 private:
  std::vector<double> arrivals_;
  std::optional<std::uint64_t> prompt_tokens_, answer_tokens_;
  std::size_t events_ = 0;
  bool finished_ = false, done_ = false;
};

}  // namespace ceiling::lab
