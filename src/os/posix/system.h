// The few calls that differ between the POSIX systems; each system's folder defines them.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "os/files.h"

namespace ceiling::os {

// Gives the physical pages of [data, data + bytes) back (both multiples of the page size, anonymous
// private memory); they read as zero afterwards.
void discard_pages(std::byte* data, std::size_t bytes);

// Asks for huge pages in that memory, where the system has them.
void ask_for_huge_pages(std::byte* data, std::size_t bytes);

// Puts the anonymous pages at `from` in the place of the mapping at `to`; `from` is no longer
// mapped. `bytes` is rounded up to whole pages. Returns 0 or an errno value, with both as they
// were.
int move_pages_over(std::byte* to, std::byte* from, std::size_t bytes);

// Number of the pages of the mapping [data, data + bytes) that are in memory now.
std::size_t pages_in_memory(const std::byte* data, std::size_t bytes);

// Drops an open file's clean pages from the page cache, as far as the system offers that.
void drop_cached_pages(int descriptor);
// Those of [0, bytes) alone, which were read just now: nothing is written back first.
void drop_read_pages(int descriptor, std::uint64_t bytes);

// Reserves disk space for an open file without changing its size. Returns 0 or an errno value;
// EOPNOTSUPP where the file system cannot.
int reserve_blocks(int descriptor, std::uint64_t bytes);

// The two times of a stamp.
FileStamp file_times(const struct stat& info);

// Called in a child before exec: asks the system to kill it when its parent dies, where offered.
void die_with_parent();

}  // namespace ceiling::os
