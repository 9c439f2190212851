// Counts what the processor or the kernel sees this process do, where the system lets it.
#pragma once

#include <cstdint>
#include <optional>

namespace ceiling::os {

enum class Event {
  cache_misses,  // of the last cache that the processor counts for: lines that came from memory
  page_faults,
};

// Of the thread that makes it and of all threads that are started after it. Linux
// (perf_event_open); a virtual machine mostly shows no counters of its processor.
class EventCounter {
 public:
  explicit EventCounter(Event event);
  ~EventCounter();
  EventCounter(const EventCounter&) = delete;
  EventCounter& operator=(const EventCounter&) = delete;

  // So far; empty: not counted here, or only for a part of the time.
  std::optional<std::uint64_t> count() const;

 private:
  int descriptor_ = -1;
};

}  // namespace ceiling::os
