// Threads that measure together: each pinned to its own processor, asleep (no CPU time) between
// calls.
#pragma once

#include <functional>
#include <memory>

#include "base/units.h"

namespace ceiling::probe {

class PinnedTeam {
 public:
  explicit PinnedTeam(unsigned threads);  // processors from os::pin_order; at least one thread
  ~PinnedTeam();
  PinnedTeam(const PinnedTeam&) = delete;
  PinnedTeam& operator=(const PinnedTeam&) = delete;
  unsigned threads() const;

  // Calls work(index) on every thread and waits. All start together, once the last has woken up;
  // returns the time from the first start to the last end. `work` must not throw.
  Seconds run(const std::function<void(unsigned)>& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ceiling::probe
