#include "os/event_counter.h"

#include <gtest/gtest.h>

#include <thread>

#include "os/memory_map.h"

namespace ceiling::os {
namespace {

void touch(const AnonymousMemory& memory) {
  for (std::size_t i = 0; i < memory.size(); i += 4096) memory.data()[i] = std::byte{1};
}

// Faults of the kernel's own counting: hardware events are counted by the same calls, and few
// virtual machines have them.
TEST(EventCounter, CountsThisThreadAndThoseStartedAfterIt) {
  const EventCounter faults(Event::page_faults);
  const auto before = faults.count();
  if (!before) GTEST_SKIP() << "this system lets nobody count";
  constexpr std::size_t kPages = 512;
  const AnonymousMemory mine(kPages * 4096), others(kPages * 4096);
  touch(mine);
  const auto between = faults.count();
  EXPECT_GT(*between, *before);
  std::thread thread([&] { touch(others); });
  thread.join();
  EXPECT_GT(*faults.count(), *between);
}

TEST(EventCounter, WhatIsNotCountedIsEmptyAndNotZero) {
  const EventCounter misses(Event::cache_misses);
  const AnonymousMemory memory(std::size_t{32} << 20);
  touch(memory);
  EXPECT_GT(misses.count().value_or(1), 0U);
}

}  // namespace
}  // namespace ceiling::os
