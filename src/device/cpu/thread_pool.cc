#include "device/cpu/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "os/cpu.h"

namespace ceiling::cpu {
namespace {

constexpr std::int64_t kLongestSpinNs = 100'000;  // longer than sampling a token takes
// What a sleep and a wake cost in a virtual machine: to spin for less saves nothing, and a thread
// that slept makes the next wait of the others longer than their spin, so that all sleep at each
// barrier.
constexpr std::int64_t kShortestSpinNs = 25'000;
constexpr int kPausesBetweenClockReads = 32;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // waits some ten cycles, where `yield` does nothing
#endif
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// A counter that threads wait on, alone on its cache lines (two: x86 fetches lines in pairs).
class alignas(128) Epoch {
 public:
  std::uint32_t now() const { return value_.load(std::memory_order_acquire); }

  void advance() {
    value_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) != 0) value_.notify_all();
  }

  // Returns once the value is no longer `seen`. Spinning pays where the wait is short: each wait
  // that ended in sleep halves the next spin, so an over-committed machine is not kept busy.
  void wait(std::uint32_t seen, std::int64_t& spin_ns) {
    if (now() != seen) return;
    if (spun(seen, spin_ns)) {
      spin_ns = std::min(2 * spin_ns, kLongestSpinNs);
      return;
    }
    spin_ns = std::max(spin_ns / 2, kShortestSpinNs);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    value_.wait(seen, std::memory_order_seq_cst);
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }

 private:
  bool spun(std::uint32_t seen, std::int64_t spin_ns) const {
    const std::int64_t end = now_ns() + spin_ns;
    do {
      for (int i = 0; i < kPausesBetweenClockReads; ++i) {
        pause();
        if (now() != seen) return true;
      }
    } while (now_ns() < end);
    return false;
  }

  std::atomic<std::uint32_t> value_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace

struct PoolState {
  explicit PoolState(unsigned count) : threads(count), caller(*this, 0, count) {}

  void barrier(std::int64_t& spin_ns) {
    const std::uint32_t seen = passed.now();  // cannot advance before this thread arrives
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived.store(0, std::memory_order_relaxed);
      passed.advance();
    } else {
      passed.wait(seen, spin_ns);
    }
  }

  void work(unsigned index) {
    Team team(*this, index, threads);
    std::int64_t spin_ns = kLongestSpinNs;
    for (std::uint32_t seen = 0;; ++seen) {
      tasks.wait(seen, spin_ns);
      if (stopping) return;
      task(context, team);
      team.barrier();
    }
  }

  const unsigned threads;
  unsigned callers_processor = 0;            // where the caller does not meet a worker
  std::vector<unsigned> workers_processors;  // empty: they are not pinned
  Team caller;
  void (*task)(void* context, Team& team) = nullptr;  // these three: published by `tasks`
  void* context = nullptr;
  bool stopping = false;
  Epoch tasks;   // advances when a task is given
  Epoch passed;  // advances when all have arrived at a barrier
  alignas(128) std::atomic<unsigned> arrived{0};
  std::vector<std::thread> workers;

  void stop() {
    stopping = true;
    tasks.advance();
    for (std::thread& worker : workers) worker.join();
    workers.clear();
  }
};

void Team::wait_for_all() {
  if (spin_ns_ == 0) spin_ns_ = kLongestSpinNs;
  pool_->barrier(spin_ns_);
}

ThreadPool::ThreadPool(unsigned threads, bool pin)
    : state_(std::make_unique<PoolState>(std::max(threads, 1U))) {
  std::vector<unsigned> order;  // two threads on one processor: better left to the system
  if (pin && state_->threads <= os::cpu_info().usable.size()) {
    order = os::pin_order(state_->threads);
    state_->callers_processor = order.front();
    state_->workers_processors.assign(order.begin() + 1, order.end());
  }
  try {
    for (unsigned i = 1; i < state_->threads; ++i) {
      state_->workers.emplace_back([state = state_.get(), order, i] {
        if (i < order.size()) os::pin_this_thread(order[i]);
        state->work(i);
      });
    }
  } catch (const std::system_error& error) {
    state_->stop();
    fail(ExitCode::failed, "cannot start {} threads: {}; ask for fewer with --threads", threads,
         error.what());
  }
}

ThreadPool::~ThreadPool() { state_->stop(); }

unsigned ThreadPool::threads() const { return state_->threads; }

// The system may wake the caller on a worker's processor, and leave it there: then the two take
// turns, and each barrier costs a sleep (a model shrunk to nothing made 430 steps/s instead of
// 3800).
void ThreadPool::run(void (*task)(void* context, Team& team), void* context) {
  os::leave_processors(state_->workers_processors, state_->callers_processor);
  state_->task = task;
  state_->context = context;
  if (state_->threads > 1) state_->tasks.advance();
  task(context, state_->caller);
  state_->caller.barrier();
}

}  // namespace ceiling::cpu
