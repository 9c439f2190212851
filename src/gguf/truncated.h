// A file, or what has come of its front, that ends before what it announces: more bytes may mend
// it.
#pragma once

#include <string>

#include "base/error.h"

namespace ceiling::gguf {

class Truncated : public Error {
 public:
  explicit Truncated(const std::string& message) : Error(ExitCode::integrity, message) {}
};

}  // namespace ceiling::gguf
