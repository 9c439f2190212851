// What a person sees while waiting: progress on stderr, only on a terminal; NO_COLOR honoured.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ceiling {

bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();
bool colour_wanted();    // stdout is a terminal, NO_COLOR is not set, TERM is not dumb
int terminal_columns();  // 80 when unknown

// A single progress line, redrawn at most ten times a second. Silent when stderr is no terminal.
class Progress {
 public:
  Progress(std::string label, std::uint64_t total);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void set(std::uint64_t done);
  void label(std::string text);

 private:
  void draw();
  std::string label_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point last_{};
  std::chrono::steady_clock::time_point start_{};
};

}  // namespace ceiling
