// A limit on the memory of this process alone, page cache included, to see how a model runs as the
// memory fills. Nothing else on the machine is pressed.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.h"

namespace ceiling::os {

// Why this process may not make such a group (no control groups, no permission, none on this
// system), with what would help; empty: it may.
std::string memory_group_obstacle();

class MemoryGroup {
 public:
  // A group inside the process's own; the process is in it from here on, and what it touches from
  // here on is charged to it. Swapping is off in it. Throws Error(failed).
  MemoryGroup();
  ~MemoryGroup();  // the process goes back, the group is removed
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  void limit(Bytes bytes) const;  // throws Error(failed)
  struct Charge {
    Bytes all;
    Bytes file;                  // page cache
    std::uint64_t refaults = 0;  // of file pages: read again after they had been pushed out
  };
  Charge charge() const;

 private:
  std::string folder_, home_;
  int version_ = 0;
};

}  // namespace ceiling::os
