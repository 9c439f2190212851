// Errors that reach a person: what failed, its value, what was expected, what to do.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace ceiling {

// The program's exit codes (docs/commands.md lists them for users).
enum class ExitCode : int {
  done = 0,
  failed = 1,     // the machine, the file system or the model could not do it
  usage = 2,      // wrong flags or arguments
  refused = 3,    // a rule forbids it: not comparable, sealed, over budget
  integrity = 4,  // damaged or untrusted input: hash, signature, malformed file
  interrupted = 130,
};

// Thrown for everything a user can cause or meet. what() is one line: cause, then remedy.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// fail(ExitCode::integrity, "tensor '{}': type {} is unknown; supported: {}", ...)
template <typename... Args>
[[noreturn]] void fail(ExitCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ceiling
