#include "os/memory_map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "os/memory.h"
#include "os/posix/shrinking_file.h"
#include "os/posix/system.h"

namespace ceiling::os {
namespace {

std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

const char* open_remedy(int error) {
  switch (error) {
    case ENOENT:
      return "check the path";
    case EACCES:
    case EPERM:
      return "ask its owner for permission to read it";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n)";
    default:
      return "check the disk and the path";
  }
}

// An open file that is closed again.
class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ >= 0) return;
    const int error = errno;
    fail(ExitCode::failed, "cannot open '{}': {}; {}", path, std::strerror(error),
         open_remedy(error));
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int keep_open() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::size_t regular_file_size(int descriptor, const std::string& path) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0) {
    fail(ExitCode::failed, "cannot read the size of '{}': {}; check the disk", path,
         std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail(ExitCode::failed, "'{}' is not a regular file: name a file on disk", path);
  }
  if (status.st_size <= 0) {
    fail(ExitCode::failed, "'{}' is empty: the download or the copy did not finish; fetch it again",
         path);
  }
  return static_cast<std::size_t>(status.st_size);
}

// Fills `into` with the file's bytes; what has been read leaves the page cache.
void read_whole(int descriptor, const std::string& path, std::span<std::byte> into) {
  constexpr std::size_t kChunk = std::size_t{16} << 20;
  std::size_t at = 0;
  while (at < into.size()) {
    const std::size_t wanted = std::min(kChunk, into.size() - at);
    const ssize_t got = pread(descriptor, &into[at], wanted, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      fail(ExitCode::failed, "cannot read '{}' at byte {}: {}; check the disk and the file", path,
           at, got < 0 ? std::strerror(errno) : "the file ends there");
    }
    at += static_cast<std::size_t>(got);
    drop_read_pages(descriptor, at);
  }
  drop_cached_pages(descriptor);  // also what had to be written first
}

// Reads one byte of each page; what is read must not be optimised away.
void touch_pages(std::span<const std::byte> bytes, std::size_t page) {
  for (std::size_t i = 0; i < bytes.size(); i += page) {
    [[maybe_unused]] const std::byte seen = *static_cast<const volatile std::byte*>(&bytes[i]);
  }
}

}  // namespace

MappedFile MappedFile::open(const std::string& path) {
  Descriptor file(path);
  const std::size_t size = regular_file_size(file.get(), path);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) {
    fail(ExitCode::failed,
         "cannot map '{}' ({}): {}; raise the limit of virtual memory (ulimit -v)", path,
         format_capacity({size}), std::strerror(errno));
  }
  // Before the first read: pages come into the page cache as large as the mapping asks then.
  ask_for_huge_pages(static_cast<std::byte*>(data), size);
  MappedFile mapped;
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  mapped.path_ = path;
  mapped.watch_ = watch_mapping(mapped.data_, size, path);
  mapped.descriptor_ = file.keep_open();
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  unwatch_mapping(watch_);
  if (descriptor_ >= 0) ::close(descriptor_);
  munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(watch_, other.watch_);
  std::swap(owned_, other.owned_);
  return *this;
}

void MappedFile::advise_sequential() const {
  if (data_ != nullptr) madvise(const_cast<std::byte*>(data_), size_, MADV_SEQUENTIAL);
}

void MappedFile::populate(unsigned threads) const {
  if (data_ == nullptr) return;
  // No MADV_WILLNEED before: Linux reads what that asks for in small pages, and slower than the
  // faults do (1.4-2.0 GB/s against 2.7 where this was measured).
  const std::size_t page = page_size();
  const std::size_t pages = (size_ + page - 1) / page;
  const std::size_t parts = std::max(1U, threads);
  const std::size_t share = (pages + parts - 1) / parts * page;
  std::vector<std::jthread> workers;
  for (std::size_t begin = 0; begin < size_; begin += share) {
    const auto part = bytes().subspan(begin, std::min(share, size_ - begin));
    workers.emplace_back([part, page] { touch_pages(part, page); });
  }
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty() || owned_) return;
  // A page fault maps the pages around it too (a huge page on Linux, 2 MiB): those of a part that
  // another thread has released by then. So each part takes its neighbourhood along.
  constexpr std::size_t kAround = 2 << 20;
  const std::size_t page = page_size();
  const auto begin = static_cast<std::size_t>(part.data() - data_);
  const std::size_t first = (begin - std::min(begin, kAround)) / page * page;
  const std::size_t end = std::min(begin + part.size() + kAround, size_);
  madvise(const_cast<std::byte*>(data_) + first, end - first, MADV_DONTNEED);
}

void MappedFile::take_over() {
  if (data_ == nullptr || owned_) return;
  const Bytes free = memory_info().available;
  if (size_ > free.value) {
    fail(ExitCode::failed, "'{}' needs {} of memory of its own, {} is free: close other programs",
         path_, format_capacity({size_}), format_capacity(free));
  }
  AnonymousMemory own(size_);
  release(bytes());  // pages that are mapped here would stay in the page cache
  read_whole(descriptor_, path_, {own.data(), size_});
  auto* const place = const_cast<std::byte*>(data_);
  const int error = move_pages_over(place, own.data(), size_);
  if (error != 0) {
    fail(ExitCode::failed, "cannot put '{}' into memory of its own: {}", path_,
         std::strerror(error));
  }
  own.forget();
  owned_ = true;
  unwatch_mapping(std::exchange(watch_, -1));
  ::close(std::exchange(descriptor_, -1));
}

double MappedFile::resident_share() const {
  if (data_ == nullptr) return 0;
  const std::size_t page = page_size();
  const std::size_t pages = (size_ + page - 1) / page;
  return static_cast<double>(pages_in_memory(data_, size_)) / static_cast<double>(pages);
}

void evict_from_page_cache(const std::string& path) {
  const Descriptor file(path);
  drop_cached_pages(file.get());
}

AnonymousMemory::AnonymousMemory(std::size_t bytes) {
  if (bytes == 0) return;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    fail(ExitCode::failed,
         "cannot reserve {} of memory: {}; close other programs, or use a smaller model or context",
         format_capacity({bytes}), std::strerror(errno));
  }
  data_ = static_cast<std::byte*>(data);
  size_ = bytes;
}

AnonymousMemory::~AnonymousMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

AnonymousMemory::AnonymousMemory(AnonymousMemory&& other) noexcept { *this = std::move(other); }

AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void AnonymousMemory::advise_huge_pages() const {
  if (data_ != nullptr) ask_for_huge_pages(data_, size_);
}

void AnonymousMemory::release(std::size_t offset, std::size_t bytes) const {
  const std::size_t page = page_size();
  const std::size_t end = std::min(size_, offset + bytes);
  if (offset >= end) return;
  const std::size_t first = (offset + page - 1) / page * page;
  // The region's own last page holds nothing past its end: it may go whole.
  const std::size_t last = end == size_ ? (end + page - 1) / page * page : end / page * page;
  if (first >= last) {  // inside one page, which others still use
    std::memset(data_ + offset, 0, end - offset);
    return;
  }
  std::memset(data_ + offset, 0, first - offset);
  if (last < end) std::memset(data_ + last, 0, end - last);
  discard_pages(data_ + first, last - first);
}

}  // namespace ceiling::os
