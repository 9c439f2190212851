#include "device/cpu/profile.h"

#include <thread>

namespace ceiling::cpu {

void TickRate::reset() {
  time_ = std::chrono::steady_clock::now();
  ticks_ = ticks();
}

Seconds TickRate::per_tick() const {
  constexpr std::chrono::milliseconds kLongEnough(2);
  while (std::chrono::steady_clock::now() - time_ < kLongEnough) {
    std::this_thread::sleep_for(kLongEnough);
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - time_;
  return {passed.count() / static_cast<double>(ticks() - ticks_)};
}

}  // namespace ceiling::cpu
