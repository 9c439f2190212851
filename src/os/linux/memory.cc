#include "os/memory.h"

#include <algorithm>

#include "os/linux/cgroup.h"
#include "os/linux/text.h"
#include "os/linux/trees.h"

namespace ceiling::os {
namespace {

Bytes kilobytes(const std::string& text, std::string_view key) {
  return {keyed_number(text, key).value_or(0) * 1024};
}

}  // namespace

MemoryInfo memory_info_of(const std::filesystem::path& root) {
  const std::string text = read_text(root / "proc/meminfo").value_or("");
  MemoryInfo info;
  info.total = kilobytes(text, "MemTotal:");
  info.available = kilobytes(text, "MemAvailable:");
  info.swap_total = kilobytes(text, "SwapTotal:");
  const Bytes swap_free = kilobytes(text, "SwapFree:");
  info.swap_used = {info.swap_total.value - std::min(info.swap_total.value, swap_free.value)};
  if (const auto group = cgroup_memory(root)) {
    info.total = std::min(info.total, Bytes{group->limit});
    info.available = std::min(info.available, Bytes{group->available});
  }
  return info;
}

MemoryInfo memory_info() { return memory_info_of("/"); }

ProcessMemory process_memory() {
  const std::string text = read_text("/proc/self/status").value_or("");
  return {.resident = kilobytes(text, "VmRSS:"),
          .resident_file = kilobytes(text, "RssFile:"),
          .resident_anonymous = kilobytes(text, "RssAnon:"),
          .peak_resident = kilobytes(text, "VmHWM:")};
}

}  // namespace ceiling::os
