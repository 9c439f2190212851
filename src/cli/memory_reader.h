// Reads the memory that a session decodes from: the model's mapping, or a device's own memory.
#pragma once

#include <memory>
#include <string>

#include "cli/speed_test.h"

namespace ceiling::cli {

class MemoryReader {
 public:
  // The session must outlive it.
  explicit MemoryReader(Session& session);

  ReadMemory read() const { return read_; }
  ReadMemory host() const { return host_; }  // beside it, where layers spill from a device's memory
  std::string kernel() const { return kernel_; }
  unsigned threads() const { return threads_; }      // of the CPU; 0: a device reads
  bool from_memory() const { return from_memory_; }  // far more than the caches hold
  std::string region() const { return region_; }     // "the model's mapping"

 private:
  ReadMemory read_, host_;
  std::string kernel_, region_;
  unsigned threads_ = 0;
  bool from_memory_ = true;
};

}  // namespace ceiling::cli
