// Workers that run one function together, each pinned to its own core. Between tasks they spin for
// a short while, then sleep: an idle pool costs no CPU time.
#pragma once

#include <cstdint>
#include <memory>

namespace ceiling::cpu {

struct PoolState;

// Passed to a task: which of `threads` this one is, and a barrier for all of them.
class Team {
 public:
  Team(PoolState& pool, unsigned index, unsigned threads)
      : pool_(&pool), index_(index), threads_(threads) {}
  unsigned index() const { return index_; }
  unsigned threads() const { return threads_; }
  // Spins, then sleeps; what any thread wrote before it is seen by all after it.
  void barrier() {
    if (threads_ > 1) wait_for_all();
  }

 private:
  void wait_for_all();
  PoolState* pool_;
  unsigned index_;
  unsigned threads_;
  std::int64_t spin_ns_ = 0;  // how long the last waits made it worth spinning
};

class ThreadPool {
 public:
  // threads >= 1; the caller of run() is thread 0 and is never pinned, since the threads that it
  // starts later would inherit that.
  ThreadPool(unsigned threads, bool pin);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  unsigned threads() const;
  // Calls task(context, team) on every thread; returns when all have returned. Tasks must not
  // throw. One caller at a time.
  void run(void (*task)(void* context, Team& team), void* context);

 private:
  std::unique_ptr<PoolState> state_;
};

}  // namespace ceiling::cpu
