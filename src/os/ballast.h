// Memory taken away from the whole machine by locking it, to see how a model runs when little is
// left. It presses every program on the machine: only for owners who asked for it, and with a look
// at the machine after every step (lab/trial/ballast_fill.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/units.h"
#include "os/memory_map.h"

namespace ceiling::os {

// Why this process may not lock that much memory, with what would help; empty: it may.
std::string ballast_obstacle(Bytes bytes);

class Ballast {
 public:
  // Where memory gets short in spite of all care, the kernel is to end this process first.
  Ballast();
  // Locks so much more. Throws Error(failed) if the system refuses; what is there stays.
  void grow(Bytes bytes);
  Bytes size() const { return size_; }  // given back when the object ends

 private:
  std::vector<AnonymousMemory> parts_;
  Bytes size_;
};

}  // namespace ceiling::os
