// A file's bytes, read in place: mapped read-only, shared with every process that maps it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ceiling::os {

class MappedFile {
 public:
  // Maps the whole file, and asks for huge pages: what is then read from the disk lies so in the
  // page cache (Linux, where its file system can), for every later mapping too. Throws
  // Error(failed): missing, no permission, not a regular file, empty.
  // If the file shrinks later, a read beyond its end ends the process with exit code 4 and one
  // line that names the file (a handler for SIGBUS is installed on first use).
  static MappedFile open(const std::string& path);

  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  void advise_sequential() const;
  // Touches each page with `threads` threads, so that no later read faults.
  void populate(unsigned threads) const;
  // Takes the pages of `part` (of bytes()) out of this process's memory. They stay in the page
  // cache; a later read brings them back. Nothing after take_over().
  void release(std::span<const std::byte> part) const;
  // Reads the file once into memory of this process's own and puts that in the mapping's place:
  // bytes() stays where it is, and holds the same. What the file's pages had in the page cache goes
  // as it is read, as far as no other process has it mapped. The memory is left writable: GPU
  // drivers refuse pages that they could not write, also where nobody writes. Nobody may read
  // bytes() meanwhile. Does nothing the second time. Throws Error(failed), with the mapping as it
  // was: no room, or the file cannot be read.
  void take_over();
  // Share of the mapping's pages that are in the page cache now, 0..1 (mincore).
  double resident_share() const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::string path_;
  int descriptor_ = -1;  // for take_over(): the path may name another file by then
  int watch_ = -1;       // slot of the SIGBUS handler
  bool owned_ = false;   // by take_over()
};

// Drops the file's pages from the page cache, as far as the system lets a user do that: pages that
// some process has mapped and touched stay. Throws Error(failed) when the file cannot be opened.
void evict_from_page_cache(const std::string& path);

// Zeroed memory that takes physical pages only where touched; freed on destruction.
class AnonymousMemory {
 public:
  AnonymousMemory() = default;
  explicit AnonymousMemory(std::size_t bytes);  // throws Error(failed) with the size and the remedy
  ~AnonymousMemory();
  AnonymousMemory(AnonymousMemory&&) noexcept;
  AnonymousMemory& operator=(AnonymousMemory&&) noexcept;

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  // Asks for huge pages where the memory is not touched yet; nothing where the system has none.
  void advise_huge_pages() const;
  // Gives the physical pages of [offset, offset + bytes) back; they read as zero afterwards.
  void release(std::size_t offset, std::size_t bytes) const;
  // Its memory belongs to another from here on.
  void forget() {
    data_ = nullptr;
    size_ = 0;
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ceiling::os
