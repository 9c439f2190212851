#include "os/ballast.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "os/linux/ballast_limit.h"
#include "os/linux/text.h"
#include "tree.h"

namespace ceiling::os {
namespace {

// Address sanitizers replace mlock by a call that does nothing, so that nobody locks their shadow
// memory.
constexpr bool kLocksForReal =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    false;
#else
    true;
#endif

TEST(Ballast, TheRightToLockIsReadFromTheProcessesCapabilities) {
  Tree tree;
  EXPECT_FALSE(may_lock_anything(tree.root()));
  tree.file("proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\n");
  EXPECT_FALSE(may_lock_anything(tree.root()));
  tree.file("proc/self/status", "Name:\tx\nCapEff:\t0000000000004000\n");
  EXPECT_TRUE(may_lock_anything(tree.root()));
  tree.file("proc/self/status", "CapEff:\t000001ffffffffff\n");
  EXPECT_TRUE(may_lock_anything(tree.root()));
  tree.file("proc/self/status", "CapEff:\tno number\n");
  EXPECT_FALSE(may_lock_anything(tree.root()));
}

// In a process of its own: it becomes the kernel's first to end, and that cannot be taken back.
TEST(Ballast, LocksWhatItSaysAndGivesItBack) {
  constexpr Bytes kPart{4 << 20};
  if (const std::string why = ballast_obstacle({2 * kPart.value}); !why.empty())
    GTEST_SKIP() << why;
  const auto locked = [] {
    return keyed_number(read_text("/proc/self/status").value_or(""), "VmLck:").value_or(0) << 10;
  };
  EXPECT_EXIT(
      {
        const std::uint64_t before = locked();
        {
          Ballast ballast;
          ballast.grow(kPart);
          ballast.grow(kPart);
          if (ballast.size().value != 2 * kPart.value) std::exit(1);
          if (kLocksForReal && locked() - before != 2 * kPart.value) std::exit(2);
          if (read_number("/proc/self/oom_score_adj") != 1000U) std::exit(3);
        }
        std::exit(locked() == before ? 0 : 4);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(Ballast, WhatTheSystemRefusesIsAnError) {
  EXPECT_EXIT(
      {
        Ballast ballast;
        try {
          ballast.grow({std::uint64_t{1} << 60});
        } catch (const Error&) {
          std::exit(ballast.size().value == 0 ? 0 : 1);
        }
        std::exit(2);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace ceiling::os
