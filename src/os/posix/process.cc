#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "os/interrupt.h"
#include "os/posix/system.h"

extern char** environ;

namespace ceiling::os {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{
    50};                                   // how often the child and our own signals are looked at
constexpr std::chrono::seconds kGrace{2};  // from asking a child to end to killing it

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
      fail(ExitCode::failed, "cannot open a pipe: {}; raise the limit of open files (ulimit -n)",
           std::strerror(errno));
    }
    read_ = ends[0];
    write_ = ends[1];
    ::fcntl(read_, F_SETFD, FD_CLOEXEC);
    ::fcntl(write_, F_SETFD, FD_CLOEXEC);
  }
  ~Pipe() {
    close_read();
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read_end() const { return read_; }
  int write_end() const { return write_; }
  void close_read() { close_end(read_); }
  void close_write() { close_end(write_); }

 private:
  static void close_end(int& end) {
    if (end >= 0) ::close(std::exchange(end, -1));
  }
  int read_ = -1;
  int write_ = -1;
};

std::string variable_name(std::string_view entry) {
  return std::string(entry.substr(0, entry.find('=')));
}

// This process's environment with `extra` entries in place of those of the same name.
std::vector<std::string> merged_environment(const std::vector<std::string>& extra) {
  std::vector<std::string> all = extra;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    bool replaced = false;
    for (const std::string& e : extra) replaced |= variable_name(e) == variable_name(*entry);
    if (!replaced) all.emplace_back(*entry);
  }
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// The child's side, between fork and exec: async-signal-safe calls only. An exec that fails sends
// its errno through `failure`.
[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& environment,
                         const Pipe& out, const Pipe& err, const Pipe& failure) {
  ::setpgid(0, 0);
  die_with_parent();
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ, SIGBUS}) ::signal(signal, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(out.write_end(), 1);
  ::dup2(err.write_end(), 2);
  environ = const_cast<char**>(environment.data());
  ::execvp(argv[0], argv.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t sent = ::write(failure.write_end(), &error, sizeof error);
  _exit(127);
}

// Reads what is there now, and keeps it if there is room; returns false at the end of the stream.
bool drain(int descriptor, std::string& text, bool room) {
  std::array<char, 1 << 14> buffer{};
  const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
  if (got > 0 && room) text.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

// A running child: collects what it prints, and ends it when time is up or we are interrupted.
class Child {
 public:
  Child(pid_t pid, Pipe& out, Pipe& err, double timeout_s)
      : pid_(pid), out_(out), err_(err), start_(Clock::now()), timeout_s_(timeout_s) {}

  ProcessResult wait() {
    // A grandchild may hold the pipes open after the child's end: then what is there is read, no
    // more.
    while (!ended_) {
      ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
      while (read_some(ended_ || closed() ? std::chrono::milliseconds(0) : kLook)) {
        end_if_due();
      }
      end_if_due();
      if (!ended_ && closed()) ::usleep(2000);
    }
    // The group may hold children of the child.
    ::kill(-pid_, SIGKILL);
    result_.exit_code = WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
    return std::move(result_);
  }

 private:
  bool closed() const { return out_.read_end() < 0 && err_.read_end() < 0; }

  // Waits up to `time` for output; returns whether some came.
  bool read_some(std::chrono::milliseconds time) {
    std::array<pollfd, 2> ends{pollfd{out_.read_end(), POLLIN, 0},
                               pollfd{err_.read_end(), POLLIN, 0}};
    if (closed() || ::poll(ends.data(), ends.size(), static_cast<int>(time.count())) <= 0) {
      return false;
    }
    const bool room = result_.output.size() + result_.errors.size() <= kMostProcessOutput;
    result_.flooded |= !room;
    if (ends[0].revents != 0 && !drain(out_.read_end(), result_.output, room)) out_.close_read();
    if (ends[1].revents != 0 && !drain(err_.read_end(), result_.errors, room)) err_.close_read();
    return true;
  }

  void end_if_due() {
    const auto now = Clock::now();
    const std::chrono::duration<double> elapsed = now - start_;
    const bool late = timeout_s_ > 0 && elapsed.count() > timeout_s_;
    if (!asked_ && (late || result_.flooded || interrupted())) {
      result_.timed_out = late;
      asked_ = true;
      asked_at_ = now;
      ::kill(-pid_, SIGTERM);
    } else if (asked_ && now - asked_at_ > kGrace) {
      ::kill(-pid_, SIGKILL);
    }
  }

  pid_t pid_;
  Pipe& out_;
  Pipe& err_;
  Clock::time_point start_;
  double timeout_s_;
  ProcessResult result_;
  bool ended_ = false;
  bool asked_ = false;
  Clock::time_point asked_at_{};
  int status_ = 0;
};

}  // namespace

ProcessResult run_process(const std::vector<std::string>& argv,
                          const std::vector<std::string>& environment, double timeout_s) {
  if (argv.empty()) fail(ExitCode::usage, "no program was named to run");
  const std::vector<std::string> variables = merged_environment(environment);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(variables);
  Pipe out;
  Pipe err;
  Pipe failure;
  const pid_t pid = ::fork();
  if (pid < 0) {
    fail(ExitCode::failed, "cannot start '{}': {}; close other programs", argv[0],
         std::strerror(errno));
  }
  if (pid == 0) become(argv_pointers, environment_pointers, out, err, failure);
  ::setpgid(pid, pid);  // here too: whoever comes first
  out.close_write();
  err.close_write();
  failure.close_write();
  int error = 0;
  if (::read(failure.read_end(), &error, sizeof error) == sizeof error) {
    ::waitpid(pid, nullptr, 0);
    fail(ExitCode::failed, "cannot run '{}': {}; check that it is installed and in PATH", argv[0],
         std::strerror(error));
  }
  return Child(pid, out, err, timeout_s).wait();
}

}  // namespace ceiling::os
