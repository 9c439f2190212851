#include "os/event_counter.h"

namespace ceiling::os {

EventCounter::EventCounter(Event /*event*/) {}
EventCounter::~EventCounter() = default;
std::optional<std::uint64_t> EventCounter::count() const { return std::nullopt; }

}  // namespace ceiling::os
