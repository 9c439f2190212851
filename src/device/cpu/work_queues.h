// Work that threads take piece by piece: first each its own, then what others have not begun. So a
// thread that the system holds up, or a slower core, delays a phase by a piece and not by a share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/cpu/thread_pool.h"

namespace ceiling::cpu {

class WorkQueues {
 public:
  explicit WorkQueues(unsigned threads) : threads_(threads), counters_(std::size_t{2} * threads) {}

  // Before a run, while no thread works.
  void clear() {
    for (Counter& counter : counters_) counter.next.store(0, std::memory_order_relaxed);
  }
  // Each thread, when it begins a phase. It clears its counter of the next phase, which served the
  // phase before: nobody reads it until the barrier between this phase and the next.
  void begin_phase(std::size_t phase, unsigned thread) {
    counter(phase + 1, thread).next.store(0, std::memory_order_relaxed);
  }
  // The number of the next piece of a queue, from 0; it may lie beyond the last.
  std::size_t take(std::size_t phase, unsigned queue) {
    return counter(phase, queue).next.fetch_add(1, std::memory_order_relaxed);
  }

  // Calls work(queue, piece) until nothing is left: count(queue) pieces in each thread's queue.
  template <typename Count, typename Work>
  void work_off(std::size_t phase, const Team& team, Count count, Work work) {
    for (unsigned i = 0; i < threads_; ++i) {
      const unsigned queue = (team.index() + i) % threads_;
      const std::size_t pieces = count(queue);
      for (std::size_t piece = take(phase, queue); piece < pieces; piece = take(phase, queue)) {
        work(queue, piece);
      }
    }
  }

 private:
  struct alignas(128) Counter {
    std::atomic<std::uint32_t> next{0};
  };
  Counter& counter(std::size_t phase, unsigned thread) {
    return counters_[phase % 2 * threads_ + thread];
  }
  unsigned threads_;
  std::vector<Counter> counters_;  // of even phases, of odd phases
};

// The queues in one phase.
struct PhaseQueues {
  WorkQueues* queues;
  std::size_t phase;
  std::size_t take_common() const { return queues->take(phase, 0); }
  template <typename Count, typename Work>
  void work_off(const Team& team, Count count, Work work) const {
    queues->work_off(phase, team, count, work);
  }
};

}  // namespace ceiling::cpu
