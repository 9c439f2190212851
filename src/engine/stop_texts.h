// Ends an answer where a stop text begins, also when it arrives in pieces: text that may be the
// start of a stop text is held back until that is decided.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ceiling {

class StopTexts {
 public:
  explicit StopTexts(std::vector<std::string> texts);  // empty ones are ignored

  // Takes the next piece of the answer; returns what is certain to belong to it.
  std::string push(std::string_view piece);
  bool matched() const { return matched_; }  // nothing after this belongs to the answer
  std::string finish();                      // what was held back, when no more comes

 private:
  std::vector<std::string> texts_;
  std::string held_;
  bool matched_ = false;
};

}  // namespace ceiling
