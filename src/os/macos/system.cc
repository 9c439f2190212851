#include "os/posix/system.h"

#include <fcntl.h>
#include <mach-o/dyld.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "os/files.h"
#include "os/process.h"

namespace ceiling::os {

// madvise() leaves the old bytes readable here: a new mapping in the same place does not.
void discard_pages(std::byte* data, std::size_t bytes) {
  mmap(data, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void ask_for_huge_pages(std::byte* /*data*/, std::size_t /*bytes*/) {}

bool lies_in_memory(const std::string& /*path*/) { return false; }

// Without mremap(): what `from` holds is copied into a new mapping in the place of the old.
int move_pages_over(std::byte* to, std::byte* from, std::size_t bytes) {
  if (mmap(to, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
      MAP_FAILED) {
    return errno;
  }
  std::memcpy(to, from, bytes);
  munmap(from, bytes);
  return 0;
}

std::size_t pages_in_memory(const std::byte* data, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(getpagesize());
  std::vector<char> state((bytes + page - 1) / page);
  if (mincore(data, bytes, state.data()) != 0) return 0;
  return static_cast<std::size_t>(
      std::count_if(state.begin(), state.end(), [](char s) { return (s & MINCORE_INCORE) != 0; }));
}

// Only the administrator's `purge` empties the cache; this keeps later reads out of it.
void drop_cached_pages(int descriptor) { fcntl(descriptor, F_NOCACHE, 1); }

void drop_read_pages(int descriptor, std::uint64_t /*bytes*/) { drop_cached_pages(descriptor); }

int reserve_blocks(int descriptor, std::uint64_t bytes) {
  fstore_t wish{F_ALLOCATEALL, F_PEOFPOSMODE, 0, static_cast<off_t>(bytes), 0};
  return fcntl(descriptor, F_PREALLOCATE, &wish) == 0 ? 0 : errno;
}

FileStamp file_times(const struct stat& info) {
  const auto ns = [](const timespec& t) {
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
  };
  return {.modified_ns = ns(info.st_mtimespec), .changed_ns = ns(info.st_ctimespec)};
}

void die_with_parent() {}

std::string own_executable() {
  std::uint32_t size = 0;
  _NSGetExecutablePath(nullptr, &size);  // tells the size
  std::string path(size, '\0');
  if (_NSGetExecutablePath(path.data(), &size) != 0) {
    fail(ExitCode::failed, "cannot find this program's own file: start it by its full path");
  }
  std::error_code error;
  const auto whole = std::filesystem::canonical(path.c_str(), error);
  return error ? std::string(path.c_str()) : whole.string();
}

}  // namespace ceiling::os
