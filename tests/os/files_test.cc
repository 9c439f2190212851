// Files that are never half-written, also when the disk is full or closed to us.
#include "os/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"
#include "os/memory_map.h"
#include "tree.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

// What the action's Error says, or "no error".
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class FilesTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (tree_.root() / name).string(); }
  Tree tree_;
};

TEST_F(FilesTest, AFileAppearsOnlyAtCommit) {
  write_file(path("report"), "old");
  {
    AtomicFile file(path("report"));
    file.write("new ", 4);
    file.write("text", 4);
    EXPECT_EQ(read_file(path("report")), "old");
    file.commit();
  }
  EXPECT_EQ(read_file(path("report")), "new text");
  EXPECT_EQ(entries(tree_.root()), 1U);
}

TEST_F(FilesTest, WithoutCommitTheOldFileStaysAndNothingElse) {
  write_file(path("report"), "old");
  {
    AtomicFile(path("report")).write("half", 4);
  }
  EXPECT_EQ(read_file(path("report")), "old");
  EXPECT_EQ(entries(tree_.root()), 1U);
}

// Not more of it than can stay: a file system in memory keeps all.
TEST_F(FilesTest, ALargeFileLeavesNoPagesInMemory) {
  write_file(path("model"), std::string(std::size_t{4} << 20, 'w'));
  const double left = MappedFile::open(path("model")).resident_share();
  evict_from_page_cache(path("model"));
  EXPECT_EQ(left, MappedFile::open(path("model")).resident_share());
  EXPECT_EQ(read_file(path("model")), std::string(std::size_t{4} << 20, 'w'));
}

TEST_F(FilesTest, WritesAtAnOffsetAndReserves) {
  AtomicFile file(path("tensor"));
  file.reserve(1'000'000);
  file.write("head", 4);
  file.write_at(10, "tail", 4);
  file.write("more", 4);
  file.commit();
  EXPECT_EQ(read_file(path("tensor")), std::string("headmore\0\0tail", 14));
}

TEST_F(FilesTest, ReservingMoreThanTheDiskHoldsFailsEarlyWithBothSizes) {
  const std::string message =
      message_of([&] { AtomicFile(path("huge")).reserve(std::uint64_t{1} << 60); });
  EXPECT_THAT(message, AllOf(HasSubstr("it needs 1048576 TiB"), HasSubstr("are free")));
  EXPECT_EQ(entries(tree_.root()), 0U);
}

TEST_F(FilesTest, KeepsThePermissionsOfWhatItReplacesAndFollowsLinks) {
  write_file(path("target"), "old");
  chmod(path("target").c_str(), 0600);
  fs::create_symlink(path("target"), path("link"));
  write_file(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("target")), "new");
  struct stat status{};
  stat(path("target").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(FilesTest, RefusesToReplaceWhatIsNoRegularFile) {
  EXPECT_THAT(message_of([] { write_file("/dev/null", "x"); }),
              AllOf(HasSubstr("/dev/null"), HasSubstr("not a regular file")));
  EXPECT_THAT(message_of([&] { write_file(tree_.root().string(), "x"); }),
              HasSubstr("not a regular file"));
  EXPECT_NE(message_of([] { write_file("", "x"); }), "no error");
}

TEST_F(FilesTest, AMissingFolderIsNamedAsTheRemedy) {
  EXPECT_THAT(
      message_of([&] { write_file(path("no/such/file"), "x"); }),
      AllOf(HasSubstr("no/such/file"), HasSubstr("create the folder"), HasSubstr("no/such'")));
}

TEST_F(FilesTest, AFolderWithoutPermissionSaysSo) {
  fs::create_directory(path("closed"));
  chmod(path("closed").c_str(), 0555);
  chmod(tree_.root().c_str(), 0755);
  const bool root = geteuid() == 0;  // root may write anywhere
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const std::string message = message_of([&] { write_file(path("closed/file"), "x"); });
  const std::string append = message_of([&] { append_line_synced(path("closed/log"), "x"); });
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_THAT(message,
              AllOf(HasSubstr("Permission denied"), HasSubstr("get permission to write in")));
  EXPECT_THAT(append, HasSubstr("Permission denied"));
}

// Runs in a child, whose limits and mounts end with it. Its exit code: 0 when `body` returns true.
int in_child(const std::function<bool()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    bool good = false;
    try {
      good = body();
    } catch (const std::exception& error) {
      fputs(error.what(), stderr);
    }
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(FilesTest, TheLimitOfFileSizeIsAnErrorAndLeavesNothing) {
  write_file(path("kept"), "old");
  write_file(path("log"), "one\n");
  EXPECT_EQ(in_child([&] {
              const rlimit limit{10'000, 10'000};
              setrlimit(RLIMIT_FSIZE, &limit);
              const std::string big(20'000, 'x');
              const std::string wrote = message_of([&] { write_file(path("kept"), big); });
              const std::string appended =
                  message_of([&] { append_line_synced(path("log"), big); });
              return wrote.find("ulimit -f") != std::string::npos &&
                     appended.find("ulimit -f") != std::string::npos;
            }),
            0);
  EXPECT_EQ(read_file(path("kept")), "old");
  EXPECT_EQ(read_file(path("log")), "one\n");
  EXPECT_EQ(entries(tree_.root()), 2U);
}

// Mounts a small disk in memory at `folder`, in this process's own view of the mounts.
bool mount_small_disk(const std::string& folder) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=64k") == 0;
}

TEST_F(FilesTest, AFullDiskIsAnErrorAndLeavesTheOldFileWhole) {
  constexpr int kNoMount = 77;
  const std::string folder = path("disk");
  fs::create_directory(folder);
  const int code = in_child([&] {
    if (!mount_small_disk(folder)) _exit(kNoMount);
    write_file(folder + "/kept", "old");
    write_file(folder + "/log", "one\n");
    const std::string big(200'000, 'x');
    const std::string wrote = message_of([&] { write_file(folder + "/kept", big); });
    const std::string appended = message_of([&] { append_line_synced(folder + "/log", big); });
    const std::string reserved = message_of([&] { AtomicFile(folder + "/new").reserve(200'000); });
    return wrote.find("free space there") != std::string::npos &&
           appended.find("free space there") != std::string::npos &&
           reserved.find("it needs 195 KiB") != std::string::npos &&
           read_file(folder + "/kept") == "old" && read_file(folder + "/log") == "one\n" &&
           entries(folder) == 2;
  });
  if (code == kNoMount) GTEST_SKIP() << "no permission to mount a small disk here";
  EXPECT_EQ(code, 0);
}

TEST_F(FilesTest, LinesAppendWholeAndATornOneIsRefused) {
  append_line_synced(path("ledger"), "one");
  append_line_synced(path("ledger"), "two");
  EXPECT_EQ(read_file(path("ledger")), "one\ntwo\n");
  write_file(path("ledger"), "one\ntw");
  try {
    append_line_synced(path("ledger"), "three");
    FAIL() << "appended to a torn line";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
  }
  EXPECT_EQ(read_file(path("ledger")), "one\ntw");
}

// /dev/full has no space and cannot be cut: the space is what is wrong.
TEST_F(FilesTest, AFailedAppendTellsItsFirstCause) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const std::string told = message_of([&] { append_line_synced("/dev/full", "x"); });
  EXPECT_THAT(told, AllOf(HasSubstr("No space left"), HasSubstr("free space"),
                          HasSubstr("could not be cut off")));
  EXPECT_LT(told.find("No space left"), told.find("could not be cut off"));
}

TEST_F(FilesTest, ReadingNamesWhatIsMissing) {
  EXPECT_THAT(message_of([&] { read_file(path("none")); }),
              AllOf(HasSubstr(path("none")), HasSubstr("No such file")));
  EXPECT_THAT(message_of([&] { read_file(tree_.root().string()); }), HasSubstr("directory"));
}

TEST_F(FilesTest, TellsFilesThatNoDiskBacks) {
  EXPECT_FALSE(lies_in_memory(path("none")));
  const fs::path shared = "/dev/shm";
  if (!fs::exists(shared)) GTEST_SKIP() << "no " << shared;
  EXPECT_TRUE(lies_in_memory(shared.string()));
  EXPECT_FALSE(lies_in_memory("/proc"));
}

TEST_F(FilesTest, FreeSpaceAndTheCacheFolder) {
  EXPECT_GT(free_space(tree_.root().string()).value, 0U);
  EXPECT_NE(message_of([&] { free_space(path("none")); }), "no error");
  const char* old = std::getenv("XDG_CACHE_HOME");
  const std::string kept = old == nullptr ? "" : old;
  setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);
  EXPECT_EQ(cache_directory(), path("cache/ceiling"));
  EXPECT_TRUE(fs::is_directory(path("cache/ceiling")));
  if (old == nullptr) {
    unsetenv("XDG_CACHE_HOME");
  } else {
    setenv("XDG_CACHE_HOME", kept.c_str(), 1);
  }
}

}  // namespace
}  // namespace ceiling::os
