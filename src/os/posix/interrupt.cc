#include "os/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace ceiling::os {
namespace {

volatile sig_atomic_t interrupt_seen = 0;

// The handler writes to it, wait_for_input() polls it: whichever comes first, none is missed
// (Bernstein's self-pipe).
std::array<int, 2> wake{-1, -1};

void on_interrupt(int signal) {
  if (interrupt_seen != 0) {  // asked twice: end now
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  interrupt_seen = 1;
  const int error = errno;
  [[maybe_unused]] const ssize_t sent = ::write(wake[1], "", 1);
  errno = error;
}

void open_wake_pipe() {
  if (wake[0] >= 0) return;
  if (::pipe(wake.data()) != 0) {
    fail(ExitCode::failed, "cannot open a pipe: {}; raise the limit of open files (ulimit -n)",
         std::strerror(errno));
  }
  for (const int end : wake) {
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::fcntl(end, F_SETFL, O_NONBLOCK);
  }
}

}  // namespace

void install_interrupt_handler(bool sigterm_too) {
  open_wake_pipe();
  struct sigaction action{};
  action.sa_handler = on_interrupt;  // no SA_RESTART: a blocked call shall return
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  if (sigterm_too) sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return interrupt_seen != 0; }

void clear_interrupt() {
  std::array<char, 16> bytes{};
  while (wake[0] >= 0 && ::read(wake[0], bytes.data(), bytes.size()) > 0) {
  }
  interrupt_seen = 0;
}

bool wait_for_input(int descriptor) {
  std::array<pollfd, 2> ends{pollfd{descriptor, POLLIN, 0}, pollfd{wake[0], POLLIN, 0}};
  while (!interrupted()) {
    if (::poll(ends.data(), ends.size(), -1) > 0 && ends[0].revents != 0) return !interrupted();
  }
  return false;
}

}  // namespace ceiling::os
