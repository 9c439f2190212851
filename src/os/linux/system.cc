#include "os/posix/system.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "os/files.h"

namespace ceiling::os {

void discard_pages(std::byte* data, std::size_t bytes) { madvise(data, bytes, MADV_DONTNEED); }

void ask_for_huge_pages(std::byte* data, std::size_t bytes) { madvise(data, bytes, MADV_HUGEPAGE); }

int move_pages_over(std::byte* to, std::byte* from, std::size_t bytes) {
  return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ? errno : 0;
}

std::size_t pages_in_memory(const std::byte* data, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> state((bytes + page - 1) / page);
  if (mincore(const_cast<std::byte*>(data), bytes, state.data()) != 0) return 0;
  return static_cast<std::size_t>(
      std::count_if(state.begin(), state.end(), [](unsigned char s) { return (s & 1U) != 0; }));
}

void drop_cached_pages(int descriptor) {
  fdatasync(descriptor);  // only clean pages can go
  posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
}

void drop_read_pages(int descriptor, std::uint64_t bytes) {
  if (bytes > 0) posix_fadvise(descriptor, 0, static_cast<off_t>(bytes), POSIX_FADV_DONTNEED);
}

int reserve_blocks(int descriptor, std::uint64_t bytes) {
  if (bytes == 0) return 0;
  const int done = fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes));
  return done == 0 ? 0 : errno;
}

bool lies_in_memory(const std::string& path) {
  struct statfs info{};
  if (statfs(path.c_str(), &info) != 0) return false;
  return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

FileStamp file_times(const struct stat& info) {
  const auto ns = [](const timespec& t) {
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
  };
  return {.modified_ns = ns(info.st_mtim), .changed_ns = ns(info.st_ctim)};
}

void die_with_parent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

}  // namespace ceiling::os
