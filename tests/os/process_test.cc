#include "os/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "os/interrupt.h"

namespace ceiling::os {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool alive(int pid) { return kill(pid, 0) == 0; }

// A killed grandchild stays in the table until its new parent notices.
bool ends_soon(const std::string& pid_text) {
  const int pid = std::stoi(pid_text);
  for (int i = 0; i < 200 && alive(pid); ++i) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string skipped;
    std::string state;
    stat >> skipped >> skipped >> state;
    if (state == "Z") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return !alive(pid);
}

TEST(RunProcess, CollectsBothStreamsAndTheExitCode) {
  const ProcessResult result = run_process(
      {"sh", "-c", "echo out; echo err >&2; echo $CEILING_X; exit 7"}, {"CEILING_X=42"});
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.output, "out\n42\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_FALSE(result.timed_out);
}

TEST(RunProcess, AnEntryReplacesTheInheritedOne) {
  setenv("CEILING_X", "old", 1);
  EXPECT_EQ(run_process({"sh", "-c", "env | grep ^CEILING_X="}, {"CEILING_X=new"}).output,
            "CEILING_X=new\n");
  EXPECT_EQ(run_process({"sh", "-c", "echo $CEILING_X"}).output, "old\n");
  unsetenv("CEILING_X");
}

TEST(RunProcess, InputIsEmptyAndMuchOutputDoesNotBlock) {
  const ProcessResult result = run_process({"sh", "-c",
                                            "cat; head -c 1000000 /dev/zero | tr '\\0' x; "
                                            "head -c 500000 /dev/zero | tr '\\0' y >&2"});
  EXPECT_EQ(result.output, std::string(1'000'000, 'x'));
  EXPECT_EQ(result.errors, std::string(500'000, 'y'));
}

TEST(RunProcess, AMissingProgramIsNamed) {
  try {
    run_process({"ceiling-no-such-program"});
    FAIL() << "ran a missing program";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("ceiling-no-such-program"), std::string::npos);
  }
  EXPECT_THROW(run_process({}), Error);
}

TEST(RunProcess, ASignalShowsInTheExitCode) {
  EXPECT_EQ(run_process({"sh", "-c", "kill -SEGV $$"}).exit_code, 128 + SIGSEGV);
}

TEST(RunProcess, TimeEndsTheChildAndItsChildren) {
  const auto start = Clock::now();
  const ProcessResult result = run_process({"sh", "-c", "sleep 60 & echo $!; wait"}, {}, 0.2);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  EXPECT_LT(seconds_since(start), 30);
  EXPECT_TRUE(ends_soon(result.output));
}

TEST(RunProcess, AChildThatIgnoresTheRequestIsKilled) {
  const ProcessResult result =
      run_process({"sh", "-c", "trap '' TERM; sleep 60; sleep 60"}, {}, 0.1);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
}

TEST(RunProcess, ALeftBehindGrandchildDoesNotHoldUsAndEnds) {
  const auto start = Clock::now();
  const ProcessResult result = run_process({"sh", "-c", "sleep 60 & echo $!"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LT(seconds_since(start), 30);
  EXPECT_TRUE(ends_soon(result.output));
}

TEST(RunProcess, AnInterruptEndsTheChild) {
  clear_interrupt();
  install_interrupt_handler();
  std::thread interrupter([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    kill(getpid(), SIGINT);
  });
  const ProcessResult result = run_process({"sleep", "60"});
  interrupter.join();
  EXPECT_TRUE(interrupted());
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  EXPECT_FALSE(result.timed_out);
  clear_interrupt();
  EXPECT_FALSE(interrupted());
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

TEST(OwnExecutable, IsThisTest) {
  EXPECT_EQ(std::filesystem::path(own_executable()).filename(), "test_os");
}

}  // namespace
}  // namespace ceiling::os
