// A real control group, where this process may make one.
#include "os/memory_group.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "os/files.h"
#include "os/memory_map.h"

namespace ceiling::os {
namespace {

class MemoryGroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = memory_group_obstacle(); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_F(MemoryGroupTest, ChargesWhatTheProcessTouches) {
  constexpr std::size_t kBytes = 32 << 20;
  const std::string path = ::testing::TempDir() + "charged_file";
  write_file(path, std::string(kBytes, 'x'));
  evict_from_page_cache(path);
  {
    const MemoryGroup group;
    const std::uint64_t before = group.charge().file.value;
    MappedFile::open(path).populate(1);
    EXPECT_GE(group.charge().file.value, before + kBytes * 9 / 10);
    const AnonymousMemory memory(kBytes);
    std::memset(memory.data(), 1, memory.size());
    EXPECT_GE(group.charge().all.value, before + 2 * kBytes * 9 / 10);
  }
  std::filesystem::remove(path);
}

// Under a limit below the file its pages push each other out: reading it twice reads it again.
TEST_F(MemoryGroupTest, ALimitBelowTheFileMakesItReadAgain) {
  constexpr std::size_t kBytes = 64 << 20;
  const std::string path = ::testing::TempDir() + "pressed_file";
  write_file(path, std::string(kBytes, 'x'));
  evict_from_page_cache(path);
  {
    const MemoryGroup group;
    group.limit({kBytes / 2});
    const MappedFile file = MappedFile::open(path);
    file.populate(1);
    EXPECT_LE(group.charge().all.value, kBytes / 2);
    EXPECT_LT(file.resident_share(), 0.7);
  }
  std::filesystem::remove(path);
}

TEST_F(MemoryGroupTest, LeavesNothingBehindAndCanBeMadeAgain) {
  {
    const MemoryGroup group;
  }
  {
    const MemoryGroup group;
  }
  EXPECT_EQ(memory_group_obstacle(), "");
}

}  // namespace
}  // namespace ceiling::os
