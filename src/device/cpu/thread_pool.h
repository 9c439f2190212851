// Workers that run one function together, each pinned to its own core. Between tasks they spin for
// a short while, then sleep: an idle pool costs no CPU time.
#pragma once

#include <memory>

namespace ceiling::cpu {

// Passed to a task: which of `threads` this one is, and a barrier for all of them.
class Team {
 public:
  virtual unsigned index() const = 0;
  virtual unsigned threads() const = 0;
  virtual void barrier() = 0;  // spins, then sleeps; what was written before is seen after

 protected:
  ~Team() = default;
};

class ThreadPool {
 public:
  ThreadPool(unsigned threads, bool pin);  // the caller of run() is thread 0
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  unsigned threads() const;
  // Calls task(context, team) on every thread; returns when all have returned. Tasks must not
  // throw.
  void run(void (*task)(void* context, Team& team), void* context);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ceiling::cpu
