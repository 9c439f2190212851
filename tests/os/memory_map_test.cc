#include "os/memory_map.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "os/memory.h"
#include "os/posix/system.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("ceiling_map_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  fs::path folder_;
};

TEST_F(MappedFileTest, ShowsTheFilesBytesAndMoves) {
  const std::string text = "GGUF and more" + std::string(10'000, 'x');
  MappedFile file = MappedFile::open(write("a", text));
  ASSERT_EQ(file.bytes().size(), text.size());
  EXPECT_EQ(std::memcmp(file.bytes().data(), text.data(), text.size()), 0);
  const MappedFile moved = std::move(file);
  EXPECT_EQ(std::memcmp(moved.bytes().data(), text.data(), text.size()), 0);
  MappedFile other = MappedFile::open(write("b", "b"));
  other = MappedFile::open(moved.path());
  EXPECT_EQ(other.bytes().size(), text.size());
}

TEST_F(MappedFileTest, NamesTheFileItCannotMap) {
  for (const std::string& path :
       {(folder_ / "missing").string(), folder_.string(), write("empty", "")}) {
    try {
      MappedFile::open(path);
      FAIL() << "mapped " << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed);
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    }
  }
}

// Of this process, mapped from files.
std::size_t shared_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::size_t shared = 0;
  std::ifstream("/proc/self/statm") >> total >> resident >> shared;
  return shared * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(MappedFileTest, ReleasedPagesLeaveTheProcessAndComeBack) {
  constexpr std::size_t kSize = std::size_t{32} << 20;
  const MappedFile file = MappedFile::open(write("a", std::string(kSize, 'x')));
  const auto all_x = [](std::byte b) { return b == std::byte('x'); };
  ASSERT_TRUE(std::all_of(file.bytes().begin(), file.bytes().end(), all_x));
  const std::size_t before = shared_bytes();
  file.release(file.bytes().subspan(1000, kSize - 2000));
  EXPECT_LT(shared_bytes() + kSize * 9 / 10, before);
  EXPECT_TRUE(std::all_of(file.bytes().begin(), file.bytes().end(), all_x));
}

// A fault in one part brings pages of the part before it back, which was released already.
TEST_F(MappedFileTest, PartsReleasedInTurnLeaveNothingBehind) {
  constexpr std::size_t kSize = std::size_t{32} << 20;
  constexpr std::size_t kPart = 100'000;
  const MappedFile file = MappedFile::open(write("a", std::string(kSize, 'x')));
  const std::size_t before = shared_bytes();
  for (std::size_t begin = 0; begin < kSize; begin += kPart) {
    const auto part = file.bytes().subspan(begin, std::min(kPart, kSize - begin));
    ASSERT_EQ(std::count(part.begin(), part.end(), std::byte('y')), 0);
    file.release(part);
  }
  EXPECT_LT(shared_bytes(), before + kSize / 16);
}

TEST_F(MappedFileTest, PopulateBringsEveryPageIn) {
  const std::string path = write("big", std::string(9'000'001, 'y'));
  evict_from_page_cache(path);
  const MappedFile file = MappedFile::open(path);
  for (const unsigned threads : {1U, 3U}) {
    file.populate(threads);
    EXPECT_DOUBLE_EQ(file.resident_share(), 1.0);
  }
}

TEST_F(MappedFileTest, EvictedPagesAreSeenToBeGone) {
  // A file system in memory has nowhere to evict to: this needs the build folder's disk.
  const fs::path path = fs::current_path() / ("ceiling_evict_" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary) << std::string(4'000'000, 'z');
  evict_from_page_cache(path.string());
  EXPECT_LT(MappedFile::open(path.string()).resident_share(), 0.05);
  fs::remove(path);
}

TEST_F(MappedFileTest, TakenOverItsBytesStayWhereTheyAreAndTheFileIsNoLongerNeeded) {
  // As above: of the build folder's disk, so that the page cache can let go of it.
  const fs::path path = fs::current_path() / ("ceiling_own_" + std::to_string(getpid()));
  std::string text(20'000'001, 'x');
  for (std::size_t i = 0; i < text.size(); i += 1000) text[i] = static_cast<char>('a' + i % 23);
  std::ofstream(path, std::ios::binary) << text;
  MappedFile file = MappedFile::open(path.string());
  const std::byte* const before = file.bytes().data();
  ASSERT_EQ(std::memcmp(before, text.data(), text.size()), 0);
  const std::size_t own = process_memory().resident_anonymous.value;
  const std::size_t of_files = process_memory().resident_file.value;
  fs::rename(path, path.string() + "-renamed");  // it is not looked up again
  file.take_over();
  EXPECT_EQ(file.bytes().data(), before);
  ASSERT_EQ(file.bytes().size(), text.size());
  EXPECT_EQ(std::memcmp(before, text.data(), text.size()), 0);
  EXPECT_GT(process_memory().resident_anonymous.value, own + text.size() * 9 / 10);
  EXPECT_LT(process_memory().resident_file.value + text.size() * 9 / 10, of_files);
  EXPECT_LT(MappedFile::open(path.string() + "-renamed").resident_share(), 0.05);

  fs::resize_file(path.string() + "-renamed", 1);  // would be the end of a mapping
  file.take_over();                                // nothing more
  file.release(file.bytes());                      // nor does this lose what only memory has
  MappedFile moved = std::move(file);
  EXPECT_EQ(std::memcmp(moved.bytes().data(), text.data(), text.size()), 0);
  moved = MappedFile();
  fs::remove(path.string() + "-renamed");
}

TEST_F(MappedFileTest, WhatCannotBeTakenOverStaysMapped) {
  const std::string path = write("shrinks", std::string(100'000, 's'));
  MappedFile file = MappedFile::open(path);
  fs::resize_file(path, 50'000);
  try {
    file.take_over();
    FAIL() << "read beyond the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_NE(std::string(error.what()).find("byte 50000: the file ends there"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(file.bytes()[40'000], std::byte{'s'});
}

using MappedFileDeathTest = MappedFileTest;

TEST_F(MappedFileDeathTest, AShrunkFileEndsTheProcessWithALineThatNamesIt) {
  const std::string path = write("shrinks", std::string(100'000, 's'));
  const MappedFile file = MappedFile::open(path);
  EXPECT_EXIT(
      {
        fs::resize_file(path, 4096);
        const volatile std::byte lost = file.bytes()[50'000];
        _exit(lost == std::byte{0} ? 0 : 1);
      },
      ::testing::ExitedWithCode(4), "shrinks' could no longer be read");
}

TEST(AnonymousMemoryTest, StartsAsZeroAndReleasesToZero) {
  const AnonymousMemory memory(1'000'000);
  ASSERT_EQ(memory.size(), 1'000'000U);
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  EXPECT_TRUE(std::all_of(memory.data(), memory.data() + memory.size(), is_zero));
  std::memset(memory.data(), 7, memory.size());
  memory.release(1000, 500'000);
  EXPECT_TRUE(std::all_of(memory.data() + 1000, memory.data() + 501'000, is_zero));
  EXPECT_EQ(memory.data()[999], std::byte{7});
  EXPECT_EQ(memory.data()[501'000], std::byte{7});
  memory.release(600'010, 20);
  EXPECT_TRUE(std::all_of(memory.data() + 600'010, memory.data() + 600'030, is_zero));
  EXPECT_EQ(memory.data()[600'009], std::byte{7});
  EXPECT_EQ(memory.data()[600'030], std::byte{7});
  memory.release(900'000, 100'000);
  EXPECT_TRUE(std::all_of(memory.data() + 900'000, memory.data() + 1'000'000, is_zero));
}

TEST(AnonymousMemoryTest, TakesPagesOnlyWhereTouchedAndGivesThemBack) {
  constexpr std::size_t kSize = std::size_t{256} << 20;
  constexpr std::size_t kTouched = std::size_t{64} << 20;
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const AnonymousMemory memory(kSize);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto taken = [&] { return pages_in_memory(memory.data(), memory.size()) * page; };
  EXPECT_EQ(taken(), 0U);
  std::memset(memory.data(), 1, kTouched);
  EXPECT_GE(taken(), kTouched);
  EXPECT_LE(taken(), kTouched + kHugePage);
  memory.release(0, kTouched + kHugePage);
  EXPECT_EQ(taken(), 0U);
}

TEST(AnonymousMemoryTest, RefusesMoreThanTheAddressSpaceWithTheSize) {
  try {
    const AnonymousMemory memory(std::size_t{1} << 62);
    FAIL() << "reserved 4 EiB";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("TiB"), std::string::npos);
  }
}

}  // namespace
}  // namespace ceiling::os
