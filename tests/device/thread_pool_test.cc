#include "device/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

namespace ceiling::cpu {
namespace {

struct Round {
  std::vector<int> done;  // by thread, written without atomics: the barrier must order them
  std::vector<int> wrong;
  int rounds = 0;
};

// Every thread writes its own number, then checks what all others wrote.
void play(void* context, Team& team) {
  auto& round = *static_cast<Round*>(context);
  for (int i = 1; i <= round.rounds; ++i) {
    round.done[team.index()] = i;
    team.barrier();
    for (const int other : round.done) round.wrong[team.index()] += other == i ? 0 : 1;
    team.barrier();
  }
}

TEST(ThreadPool, BarriersOrderWhatThreadsWrite) {
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {  // more than there are cores, too
    ThreadPool pool(threads, true);
    Round round{std::vector<int>(threads), std::vector<int>(threads), 200};
    for (int run = 0; run < 5; ++run) pool.run(play, &round);
    EXPECT_EQ(round.done, std::vector<int>(threads, 200));
    EXPECT_EQ(round.wrong, std::vector<int>(threads, 0));
  }
}

TEST(ThreadPool, RunsTasksAfterItSlept) {
  ThreadPool pool(3, false);
  Round round{std::vector<int>(3), std::vector<int>(3), 1};
  for (int run = 0; run < 5; ++run) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // longer than any spin
    pool.run(play, &round);
  }
  EXPECT_EQ(round.wrong, std::vector<int>(3, 0));
}

TEST(ThreadPool, CostsNothingWhileIdle) {
  ThreadPool pool(4, false);
  Round round{std::vector<int>(4), std::vector<int>(4), 10};
  pool.run(play, &round);
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const double used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(used, 0.1);  // three threads that spun would use up to 1.2 s
}

TEST(ThreadPool, EndsWithoutATask) { ThreadPool pool(4, true); }

}  // namespace
}  // namespace ceiling::cpu
