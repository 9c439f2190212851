#include "os/event_counter.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ceiling::os {
namespace {

struct Counted {
  std::uint64_t value = 0;
  std::uint64_t enabled_ns = 0, running_ns = 0;  // less: the counter was shared with others
};

}  // namespace

EventCounter::EventCounter(Event event) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = event == Event::cache_misses ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE;
  attributes.config = event == Event::cache_misses
                          ? static_cast<std::uint64_t>(PERF_COUNT_HW_CACHE_MISSES)
                          : static_cast<std::uint64_t>(PERF_COUNT_SW_PAGE_FAULTS);
  attributes.inherit = 1;
  attributes.exclude_kernel = 1;  // what a user may count
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  constexpr int kThisProcess = 0, kAnyProcessor = -1, kNoGroup = -1;
  descriptor_ = static_cast<int>(syscall(SYS_perf_event_open, &attributes, kThisProcess,
                                         kAnyProcessor, kNoGroup, PERF_FLAG_FD_CLOEXEC));
}

EventCounter::~EventCounter() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::optional<std::uint64_t> EventCounter::count() const {
  Counted counted;
  if (descriptor_ < 0 || read(descriptor_, &counted, sizeof counted) != sizeof counted ||
      counted.running_ns < counted.enabled_ns) {
    return std::nullopt;
  }
  return counted.value;
}

}  // namespace ceiling::os
