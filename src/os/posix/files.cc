#include "os/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "os/posix/system.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;

std::string folder_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string remedy(int error, const std::string& path) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return fmt::format("free space there, or name a file on another disk");
    case EACCES:
    case EPERM:
      return fmt::format("get permission to write in '{}', or name another folder",
                         folder_of(path));
    case EROFS:
      return "that disk is mounted read-only: name a file on another one";
    case ENOENT:
    case ENOTDIR:
      return fmt::format("create the folder '{}' first", folder_of(path));
    case EISDIR:
      return "it is a folder: name a file";
    case EFBIG:
      return "raise the limit of file size (ulimit -f), or name a file on another disk";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n)";
    default:
      return "check the disk and the path";
  }
}

[[noreturn]] void cannot(const char* action, const std::string& path, int error) {
  fail(ExitCode::failed, "cannot {} '{}': {}; {}", action, path, std::strerror(error),
       remedy(error, path));
}

// A write beyond the limit of file size shall be an error that says so, not a silent death.
void turn_size_limit_into_error() {
  static std::once_flag once;
  std::call_once(once, [] { ::signal(SIGXFSZ, SIG_IGN); });
}

// Writes all of it at `offset`, or at the end for a negative offset. Returns 0 or an errno value.
int write_fully(int descriptor, const char* data, std::size_t bytes, off_t offset) {
  while (bytes > 0) {
    const ssize_t done =
        offset < 0 ? ::write(descriptor, data, bytes) : ::pwrite(descriptor, data, bytes, offset);
    if (done < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    if (done == 0) return ENOSPC;
    data += done;
    bytes -= static_cast<std::size_t>(done);
    if (offset >= 0) offset += done;
  }
  return 0;
}

// Makes a rename or a new file in the folder last. Some file systems cannot sync a folder: they
// order such changes themselves.
void sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

// A link is followed, so that its target is replaced and not the link.
std::string followed(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return path;
  if (!fs::is_regular_file(status)) {
    fail(ExitCode::failed, "cannot replace '{}': it is not a regular file; name another one", path);
  }
  const fs::path target = fs::canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(followed(path)) {
  static std::atomic<unsigned> serial{0};
  turn_size_limit_into_error();
  if (path_.empty()) fail(ExitCode::usage, "no file name was given to write to");
  do {
    temporary_ = fmt::format("{}.{}-{}.partial", path_, getpid(), serial++);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EEXIST);
  if (fd_ < 0) cannot("write", path_, errno);
  struct stat old{};
  if (::stat(path_.c_str(), &old) == 0) ::fchmod(fd_, old.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const int error = write_fully(fd_, static_cast<const char*>(data), bytes, -1);
  if (error != 0) cannot("write", path_, error);
}

void AtomicFile::write_at(std::uint64_t offset, const void* data, std::size_t bytes) {
  const int error =
      write_fully(fd_, static_cast<const char*>(data), bytes, static_cast<off_t>(offset));
  if (error != 0) cannot("write", path_, error);
}

void AtomicFile::reserve(std::uint64_t bytes) {
  const Bytes free = free_space(folder_of(path_));
  const int error = free.value < bytes ? ENOSPC : reserve_blocks(fd_, bytes);
  if (error == 0 || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL) return;
  if (error == ENOSPC) {
    fail(ExitCode::failed, "cannot write '{}': it needs {}, and {} are free; {}", path_,
         format_capacity({bytes}), format_capacity(free), remedy(error, path_));
  }
  cannot("write", path_, error);
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) cannot("write", path_, errno);
  // Writing left it in small pages in the page cache, where it would stay; whoever maps it next
  // brings it in as huge ones. A small file has no use for those.
  constexpr off_t kHugePage = 2 << 20;
  struct stat status{};
  if (fstat(fd_, &status) == 0 && status.st_size >= kHugePage) drop_cached_pages(fd_);
  const int closed = ::close(std::exchange(fd_, -1));
  if (closed != 0) cannot("write", path_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) cannot("write", path_, errno);
  temporary_.clear();
  sync_folder(folder_of(path_));
}

void write_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

std::string read_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const int error = errno;
    fail(ExitCode::failed, "cannot read '{}': {}; {}", path, std::strerror(error),
         error == EACCES ? "ask its owner for permission" : "check the path");
  }
  std::string text;
  std::string buffer(std::size_t{1} << 16, '\0');
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      ::close(descriptor);
      fail(ExitCode::failed, "cannot read '{}': {}; name a readable file", path,
           std::strerror(error));
    }
    if (got == 0) break;
    text.append(buffer, 0, static_cast<std::size_t>(got));
  }
  ::close(descriptor);
  return text;
}

void append_line_synced(const std::string& path, std::string_view line) {
  turn_size_limit_into_error();
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) cannot("write", path, errno);
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && ::pread(descriptor, &last, 1, size - 1) == 1 && last != '\n') {
    ::close(descriptor);
    fail(ExitCode::integrity,
         "'{}' ends in an incomplete line (a write was cut off): remove that line, then run again",
         path);
  }
  const std::string text = fmt::format("{}\n", line);
  int error = write_fully(descriptor, text.data(), text.size(), -1);
  if (error == 0 && ::fsync(descriptor) != 0) error = errno;
  // A line that is not wholly on disk shall not be there at all.
  const int uncut = error != 0 && ::ftruncate(descriptor, size) != 0 ? errno : 0;
  ::close(descriptor);
  if (uncut != 0) {
    fail(ExitCode::failed,
         "cannot write '{}': {}; {}; and what was written of the line could not be cut off again "
         "({}): remove an incomplete last line before going on",
         path, std::strerror(error), remedy(error, path), std::strerror(uncut));
  }
  if (error != 0) cannot("write", path, error);
  if (size == 0) sync_folder(folder_of(path));
}

FileStamp file_stamp(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    fail(ExitCode::failed, "cannot look at '{}': {}; check the path", path, std::strerror(errno));
  }
  FileStamp stamp = file_times(info);
  stamp.device = static_cast<std::uint64_t>(info.st_dev);
  stamp.file = static_cast<std::uint64_t>(info.st_ino);
  stamp.bytes = static_cast<std::uint64_t>(info.st_size);
  return stamp;
}

Bytes free_space(const std::string& directory) {
  struct statvfs info{};
  if (::statvfs(directory.c_str(), &info) != 0) {
    fail(ExitCode::failed, "cannot ask for the free space in '{}': {}; check the path", directory,
         std::strerror(errno));
  }
  return {static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize};
}

std::string cache_directory() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (cache != nullptr && fs::path(cache).is_absolute()) {
    folder = fs::path(cache) / "ceiling";
  } else if (home != nullptr && *home != '\0') {
    folder = fs::path(home) / ".cache" / "ceiling";
  } else {
    fail(ExitCode::failed, "no place for the cache: set HOME or XDG_CACHE_HOME to a folder");
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    fail(ExitCode::failed,
         "cannot create '{}': {}; set XDG_CACHE_HOME to a folder you may write to", folder.string(),
         error.message());
  }
  return folder.string();
}

std::string models_directory() {
  const char* chosen = std::getenv("CEILING_MODELS");
  return chosen != nullptr && *chosen != '\0' ? std::string(chosen) : cache_directory() + "/models";
}

}  // namespace ceiling::os
