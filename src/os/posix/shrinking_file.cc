#include "os/posix/shrinking_file.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "base/error.h"

namespace ceiling::os {
namespace {

// A signal handler may take no lock and free nothing, so a slot's fields are atomics and its path
// is an array. `begin` is written last and cleared first: a slot with a begin is complete.
struct Slot {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::array<char, 1024> path{};
  bool taken = false;  // under the mutex
};
std::array<Slot, 64> slots;
std::mutex slots_mutex;

void write_text(const char* text) {
  // Nothing can be done about a failed write while the process ends.
  [[maybe_unused]] const ssize_t written = ::write(2, text, std::strlen(text));
}

void on_bus_error(int signal, siginfo_t* info, void* /*context*/) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const std::uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= slot.end.load(std::memory_order_relaxed)) {
      continue;
    }
    write_text("ceiling: '");
    write_text(slot.path.data());
    write_text(
        "' could no longer be read: it became shorter, or its disk failed, while it was in use; "
        "restore the file and run again\n");
    _exit(static_cast<int>(ExitCode::integrity));
  }
  // Not ours: let the default action show the crash where it happened.
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void install_handler() {
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace

int watch_mapping(const std::byte* data, std::size_t bytes, const std::string& path) {
  static std::once_flag once;
  std::call_once(once, install_handler);
  const std::lock_guard lock(slots_mutex);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& slot = slots.at(i);
    if (slot.taken) continue;
    slot.taken = true;
    const std::size_t length = path.copy(slot.path.data(), slot.path.size() - 1);
    slot.path.at(length) = '\0';
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    slot.end.store(begin + bytes, std::memory_order_relaxed);
    slot.begin.store(begin, std::memory_order_release);
    return static_cast<int>(i);
  }
  return -1;
}

void unwatch_mapping(int slot) {
  if (slot < 0) return;
  const std::lock_guard lock(slots_mutex);
  Slot& watched = slots.at(static_cast<std::size_t>(slot));
  watched.begin.store(0, std::memory_order_release);
  watched.taken = false;
}

}  // namespace ceiling::os
