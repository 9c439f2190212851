#include "probe/pinned_team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "os/cpu.h"

namespace ceiling::probe {

using Clock = std::chrono::steady_clock;

struct PinnedTeam::State {
  struct alignas(64) Worker {
    Clock::time_point start;
    Clock::time_point end;
    std::jthread thread;
  };
  std::vector<Worker> workers;
  const std::function<void(unsigned)>* work = nullptr;
  std::atomic<std::uint32_t> round{0};     // goes up by one to start a round; workers sleep on it
  std::atomic<std::uint32_t> awake{0};     // of this round
  std::atomic<std::uint32_t> finished{0};  // of this round; the caller sleeps on it
  std::atomic<bool> closing{false};

  // All threads leave this together. It spins, since a sleeper would start late; where threads
  // share a processor, it lets the others go first.
  void wait_for_all() {
    constexpr int kSpins = 10'000;
    awake.fetch_add(1, std::memory_order_acq_rel);
    for (int i = 0; awake.load(std::memory_order_acquire) < workers.size(); ++i) {
      if (i > kSpins) std::this_thread::yield();
    }
  }

  void live(unsigned index, unsigned processor) {
    os::pin_this_thread(processor);
    for (std::uint32_t seen = 0;; ++seen) {
      round.wait(seen, std::memory_order_acquire);
      if (closing.load(std::memory_order_relaxed)) return;
      wait_for_all();
      Worker& own = workers[index];
      own.start = Clock::now();
      (*work)(index);
      own.end = Clock::now();
      if (finished.fetch_add(1, std::memory_order_acq_rel) + 1 == workers.size()) {
        finished.notify_one();
      }
    }
  }
};

PinnedTeam::PinnedTeam(unsigned threads) : state_(std::make_unique<State>()) {
  const std::vector<unsigned> processors = os::pin_order(std::max(1U, threads));
  state_->workers = std::vector<State::Worker>(processors.size());
  for (unsigned i = 0; i < processors.size(); ++i) {
    state_->workers[i].thread =
        std::jthread([state = state_.get(), i, p = processors[i]] { state->live(i, p); });
  }
}

PinnedTeam::~PinnedTeam() {
  state_->closing = true;
  state_->round.fetch_add(1, std::memory_order_release);
  state_->round.notify_all();
  for (auto& worker : state_->workers) worker.thread.join();
}

unsigned PinnedTeam::threads() const { return static_cast<unsigned>(state_->workers.size()); }

Seconds PinnedTeam::run(const std::function<void(unsigned)>& work) {
  State& state = *state_;
  state.work = &work;
  state.awake = 0;
  state.finished = 0;
  state.round.fetch_add(1, std::memory_order_release);
  state.round.notify_all();
  const auto all = static_cast<std::uint32_t>(state.workers.size());
  for (std::uint32_t done = 0; done < all; done = state.finished.load(std::memory_order_acquire)) {
    state.finished.wait(done, std::memory_order_acquire);
  }
  Clock::time_point start = Clock::time_point::max();
  Clock::time_point end = Clock::time_point::min();
  for (const auto& worker : state.workers) {
    start = std::min(start, worker.start);
    end = std::max(end, worker.end);
  }
  return {std::chrono::duration<double>(end - start).count()};
}

}  // namespace ceiling::probe
