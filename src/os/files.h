// Files that are never half-written: written aside, synced, renamed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/units.h"

namespace ceiling::os {

// A file under a temporary name beside `path`; commit() syncs and renames it, and lets go of the
// pages that a large one has in memory; destruction without commit removes it. Errors (no space, no
// permission) throw Error(failed) naming path and remedy.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(const void* data, std::size_t bytes);  // appends
  void write_at(std::uint64_t offset, const void* data, std::size_t bytes);
  void reserve(std::uint64_t bytes);  // fails early when the disk is too small
  void commit();

 private:
  std::string path_, temporary_;
  int fd_ = -1;
};

void write_file(const std::string& path, std::string_view text);  // atomic
std::string read_file(const std::string& path);                   // throws Error(failed)
// Appends one line and syncs it to disk before returning (the ledger).
void append_line_synced(const std::string& path, std::string_view line);

// What a file system keeps of a file. Every write and every replacement changes it, and no program
// can set the time of change back (the time of modification it can). Unseen: who writes past the
// file system, or sets the machine's clock back for it.
struct FileStamp {
  std::uint64_t device = 0, file = 0, bytes = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp file_stamp(const std::string& path);  // throws Error(failed)

Bytes free_space(const std::string& directory);
// Whether the file's pages are memory that no disk backs (tmpfs): reading it takes no more of it.
// False: it does not exist, or the system has no such files.
bool lies_in_memory(const std::string& path);
std::string cache_directory();   // $XDG_CACHE_HOME/ceiling or ~/.cache/ceiling; created
std::string models_directory();  // $CEILING_MODELS, or `models` in the cache directory

}  // namespace ceiling::os
