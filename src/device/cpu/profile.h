// Where a step's time goes, by thread: each marks a line of the plan when it has done a piece of
// it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/units.h"

namespace ceiling::cpu {

// A counter that is cheap to read and runs at one rate on all cores.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t value = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// One thread's time by line. Free but for a branch while it is off.
class LineClock {
 public:
  void reset(std::size_t lines) {
    ticks_.assign(lines, 0);
    calls_.assign(lines, 0);
  }
  void set(bool on) { on_ = on; }
  void start(std::uint64_t at) { last_ = at; }
  // The time since the last mark went to `line`.
  void mark(std::size_t line) {
    if (!on_) return;
    const std::uint64_t now = ticks();
    ticks_[line] += now - last_;
    ++calls_[line];
    last_ = now;
  }
  std::uint64_t ticks_of(std::size_t line) const { return ticks_[line]; }
  std::uint64_t calls_of(std::size_t line) const { return calls_[line]; }

 private:
  bool on_ = false;
  std::uint64_t last_ = 0;
  std::vector<std::uint64_t> ticks_, calls_;
};

// The length of a tick, from the time that passed since the last reset.
class TickRate {
 public:
  TickRate() { reset(); }
  void reset();
  Seconds per_tick() const;

 private:
  std::chrono::steady_clock::time_point time_;
  std::uint64_t ticks_ = 0;
};

}  // namespace ceiling::cpu
