#include "base/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/units.h"

#if defined(_WIN32)
#include <io.h>
#else
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace ceiling {
namespace {

#if defined(_WIN32)
bool is_terminal(int descriptor) { return _isatty(descriptor) != 0; }
int asked_columns() { return 0; }
#else
bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }
int asked_columns() {
  winsize size{};
  for (const int descriptor : {1, 2}) {
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 0;
}
#endif

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

}  // namespace

bool stdin_is_terminal() { return is_terminal(0); }
bool stdout_is_terminal() { return is_terminal(1); }
bool stderr_is_terminal() { return is_terminal(2); }

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return stdout_is_terminal();
}

int terminal_columns() {
  const int columns = asked_columns();
  return columns > 0 ? columns : 80;
}

Progress::Progress(std::string label, std::uint64_t total)
    : label_(std::move(label)), total_(total), start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  if (last_ != std::chrono::steady_clock::time_point{}) fmt::print(stderr, "\r\033[K");
}

void Progress::set(std::uint64_t done) {
  done_ = done;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kRedrawInterval || !stderr_is_terminal()) return;
  last_ = now;
  draw();
}

void Progress::label(std::string text) {
  label_ = std::move(text);
  set(done_);
}

void Progress::draw() {
  std::string line = label_;
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    line += fmt::format("  {:3.0f} %", 100 * share);
    const std::chrono::duration<double> elapsed = last_ - start_;
    if (share > 0 && share < 1 && elapsed.count() > 1) {
      line +=
          fmt::format("  {} left", format_duration(Seconds{elapsed.count() * (1 - share) / share}));
    }
  }
  const auto columns = static_cast<std::size_t>(terminal_columns());
  if (line.size() >= columns) line.resize(columns - 1);
  fmt::print(stderr, "\r\033[K{}", line);
  std::fflush(stderr);
}

}  // namespace ceiling
