#include "os/ballast.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "os/linux/ballast_limit.h"
#include "os/linux/text.h"

namespace ceiling::os {
namespace {

Bytes locked_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return {0};
  return {limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX
                                          : static_cast<std::uint64_t>(limit.rlim_cur)};
}

}  // namespace

// proc(5): effective capabilities as a hexadecimal mask; CAP_IPC_LOCK is bit 14 (capability.h).
bool may_lock_anything(const std::filesystem::path& root) {
  constexpr std::uint64_t kIpcLock = std::uint64_t{1} << 14;
  const std::string status = read_text(root / "proc/self/status").value_or("");
  const std::string mask = keyed_text(status, "CapEff").value_or("");
  std::size_t read = 0;
  try {
    return (std::stoull(mask, &read, 16) & kIpcLock) != 0 && read == mask.size();
  } catch (const std::exception&) {  // no such line, or no number
    return false;
  }
}

std::string ballast_obstacle(Bytes bytes) {
  const Bytes limit = locked_limit();
  if (may_lock_anything("/") || bytes.value <= limit.value) return {};
  return "this process may lock " + format_capacity(limit) + " of memory and would need " +
         format_capacity(bytes) + ": raise the limit (ulimit -l unlimited), or run as root";
}

Ballast::Ballast() {
  std::ofstream score("/proc/self/oom_score_adj");
  score << 1000;
}

void Ballast::grow(Bytes bytes) {
  AnonymousMemory part(bytes.value);
  if (mlock(part.data(), part.size()) != 0) {
    fail(ExitCode::failed, "cannot lock {} more of memory beside {}: {}", format_capacity(bytes),
         format_capacity(size_), std::strerror(errno));
  }
  parts_.push_back(std::move(part));
  size_.value += bytes.value;
}

}  // namespace ceiling::os
