// How a trial comes to run in little memory: by a limit on its own control group or, where none may
// be made, by locking memory away from the whole machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "lab/plan/cell.h"
#include "lab/trial/trial.h"
#include "os/memory_map.h"

namespace ceiling::lab {

class MemoryFill {
 public:
  virtual ~MemoryFill() = default;
  // The file's pages are in memory; now the working set gets the share that the cell wants.
  // `apart`: bytes of this process that do not belong to it (what the probe reads). Throws
  // Error(failed).
  virtual FilledMemory fill(const Cell& cell, const os::MappedFile& file, std::uint64_t apart) = 0;
  // Pages read again after they were pushed out, so far.
  virtual std::uint64_t refaults() const = 0;
  // Called when the clock has stopped: throws Error(failed) if the machine had to swap for it.
  virtual void check() const {}
};

// From here on the process is in its group, if it is to have one.
std::unique_ptr<MemoryFill> begin_fill(const Cell& cell);

}  // namespace ceiling::lab
