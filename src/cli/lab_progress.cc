#include "cli/lab_progress.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/terminal.h"
#include "base/units.h"

namespace ceiling::cli {

LabProgress::LabProgress(double estimate_s) : estimate_s_(estimate_s) {}

LabProgress::~LabProgress() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void LabProgress::draw(const std::string& text) {
  if (!stderr_is_terminal()) return;
  const auto columns = static_cast<std::size_t>(std::max(20, terminal_columns() - 1));
  fmt::print(stderr, "\r\033[K{:.{}}", text, columns);
  std::fflush(stderr);
  drawn_ = true;
}

void LabProgress::preparing(const std::string& what, std::uint64_t done, std::uint64_t total) {
  constexpr std::chrono::milliseconds kBetween{100};
  const auto now = std::chrono::steady_clock::now();
  if (now - last_draw_ < kBetween) return;
  last_draw_ = now;
  draw(fmt::format("{}: {} of {}", what, format_capacity({done}), format_capacity({total})));
}

void LabProgress::trial_begins(const lab::Slot& slot, const lab::Cell& cell, std::size_t done,
                               std::size_t total) {
  const double per_trial = trials_ > 0
                               ? trials_s_ / static_cast<double>(trials_)
                               : estimate_s_ / static_cast<double>(std::max<std::size_t>(total, 1));
  const double left_s = per_trial * static_cast<double>(total - std::min(done, total));
  draw(fmt::format("block {}, trial {} of {}: {}{}, about {} left", slot.block + 1, done + 1, total,
                   cell.title(), slot.repeat ? " again" : "", format_duration({left_s})));
}

void LabProgress::trial_ended(double seconds) {
  trials_s_ += seconds;
  ++trials_;
}

void LabProgress::note(const std::string& text) {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
  fmt::print(stderr, "lab: {}\n", text);
}

}  // namespace ceiling::cli
