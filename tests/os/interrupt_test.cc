#include "os/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

namespace ceiling::os {
namespace {

class Interrupt : public ::testing::Test {
 protected:
  Interrupt() {
    EXPECT_EQ(::pipe(input_.data()), 0);
    install_interrupt_handler();
  }
  ~Interrupt() override {
    clear_interrupt();
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    for (const int end : input_) ::close(end);
  }
  std::array<int, 2> input_{};
};

TEST_F(Interrupt, IsSeenUntilItIsCleared) {
  EXPECT_FALSE(interrupted());
  raise(SIGINT);
  EXPECT_TRUE(interrupted());
  clear_interrupt();
  EXPECT_FALSE(interrupted());
}

TEST_F(Interrupt, InputThatIsThereIsNotWaitedFor) {
  ASSERT_EQ(::write(input_[1], "x", 1), 1);
  EXPECT_TRUE(wait_for_input(input_[0]));
}

TEST_F(Interrupt, TheEndOfTheInputIsInput) {
  ::close(std::exchange(input_[1], ::dup(input_[0])));
  EXPECT_TRUE(wait_for_input(input_[0]));
}

TEST_F(Interrupt, OneBeforeTheWaitEndsIt) {
  raise(SIGINT);
  EXPECT_FALSE(wait_for_input(input_[0]));
}

TEST_F(Interrupt, OneDuringTheWaitEndsItWhicheverThreadGetsIt) {
  std::thread other([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    pthread_kill(pthread_self(), SIGINT);  // so that the waiting call itself is not interrupted
  });
  EXPECT_FALSE(wait_for_input(input_[0]));
  other.join();
}

TEST_F(Interrupt, ThereCanBeAnotherAfterOne) {
  for (int i = 0; i < 3; ++i) {
    raise(SIGINT);
    EXPECT_FALSE(wait_for_input(input_[0]));
    clear_interrupt();
    ASSERT_EQ(::write(input_[1], "x", 1), 1);
    EXPECT_TRUE(wait_for_input(input_[0]));
    char read_back = 0;
    ASSERT_EQ(::read(input_[0], &read_back, 1), 1);
  }
}

TEST(InterruptDeathTest, ASecondOneEndsTheProcess) {
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        raise(SIGINT);
        raise(SIGINT);
        _exit(0);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace ceiling::os
