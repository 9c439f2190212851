#include "os/cpu.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string>

#include "os/linux/cgroup.h"
#include "os/linux/hypervisor.h"
#include "os/linux/text.h"
#include "os/linux/trees.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;

fs::path cpu_folder(const fs::path& root, unsigned processor) {
  return root / "sys/devices/system/cpu" / ("cpu" + std::to_string(processor));
}

// Hyper-threads of the processor's core; itself alone where the system does not say.
std::vector<unsigned> siblings(const fs::path& root, unsigned processor) {
  const fs::path topology = cpu_folder(root, processor) / "topology";
  auto text = read_text(topology / "core_cpus_list");
  if (!text) text = read_text(topology / "thread_siblings_list");
  std::vector<unsigned> list = parse_list(text.value_or(""));
  if (list.empty()) list = {processor};
  return list;
}

// A number that is larger for faster kinds of core, and how near to the largest the same kind
// comes. A core's capacity (1024 for the fastest) also holds its work per cycle; the frequency
// alone separates less: cores of one kind differ by their boost, some 10 %.
struct Speed {
  const char* file;
  double same_kind;
};
constexpr Speed kSpeeds[] = {{"cpu_capacity", 0.6}, {"cpufreq/cpuinfo_max_freq", 0.8}};

// The processors of the fastest kind on a hybrid chip; all on any other.
std::set<unsigned> fastest_kind(const fs::path& root, const std::vector<unsigned>& usable) {
  const fs::path devices = root / "sys/devices";
  if (fs::exists(devices / "cpu_atom/cpus")) {  // Intel's hybrid chips name their kinds
    const auto list = parse_list(read_text(devices / "cpu_core/cpus").value_or(""));
    std::set<unsigned> fast;
    for (const unsigned p : usable) {
      if (std::find(list.begin(), list.end(), p) != list.end()) fast.insert(p);
    }
    if (!fast.empty()) return fast;
  }
  for (const Speed& speed : kSpeeds) {
    std::map<unsigned, double> values;
    double most = 0;
    for (const unsigned p : usable) {
      values[p] = static_cast<double>(read_number(cpu_folder(root, p) / speed.file).value_or(0));
      most = std::max(most, values[p]);
    }
    if (most == 0) continue;
    std::set<unsigned> fast;
    for (const auto& [p, value] : values) {
      if (value >= speed.same_kind * most) fast.insert(p);
    }
    return fast;
  }
  return {usable.begin(), usable.end()};
}

// "32768K" or "32M" -> bytes.
std::uint64_t cache_size(const std::string& text) {
  std::size_t used = 0;
  while (used < text.size() && text[used] >= '0' && text[used] <= '9') ++used;
  if (used == 0 || used > 12) return 0;
  const std::uint64_t number = std::stoull(text.substr(0, used));
  const char unit = used < text.size() ? text[used] : ' ';
  return unit == 'K' ? number << 10 : unit == 'M' ? number << 20 : number;
}

void read_caches(const fs::path& root, const std::vector<unsigned>& usable, CpuInfo& info) {
  std::map<std::string, std::uint64_t> last_level;  // by the processors that share it
  for (const unsigned p : usable) {
    std::uint64_t deepest = 0;
    std::uint64_t deepest_bytes = 0;
    std::string shared_by;
    for (unsigned index = 0; index < 8; ++index) {
      const fs::path cache = cpu_folder(root, p) / "cache" / ("index" + std::to_string(index));
      const auto level = read_number(cache / "level");
      if (!level || read_text(cache / "type") == "Instruction") continue;
      const std::uint64_t bytes = cache_size(read_text(cache / "size").value_or(""));
      if (p == usable.front()) {
        if (*level == 1) info.l1d_bytes = bytes;
        if (*level == 2) info.l2_bytes = bytes;
        if (*level == 3) info.l3_bytes = bytes;
      }
      if (*level > deepest) {
        deepest = *level;
        deepest_bytes = bytes;
        shared_by = read_text(cache / "shared_cpu_list").value_or(std::to_string(p));
      }
    }
    if (deepest > 0) last_level[shared_by] = deepest_bytes;
  }
  for (const auto& [shared_by, bytes] : last_level) info.last_level_bytes += bytes;
}

std::string cpu_model(const fs::path& root, const std::string& cpuinfo) {
  for (const char* key : {"model name", "Model", "Hardware"}) {
    if (const auto text = keyed_text(cpuinfo, key)) return *text;
  }
  return read_text(root / "proc/device-tree/model").value_or("unknown processor");
}

}  // namespace

std::vector<unsigned> affinity() {
  // The kernel refuses a mask that is shorter than its own: grow until it fits.
  for (unsigned count = 1024; count <= 1U << 20; count *= 2) {
    cpu_set_t* set = CPU_ALLOC(count);
    const std::size_t bytes = CPU_ALLOC_SIZE(count);
    const int done = sched_getaffinity(0, bytes, set);
    const int error = errno;
    std::vector<unsigned> result;
    for (unsigned p = 0; done == 0 && p < count; ++p) {
      if (CPU_ISSET_S(p, bytes, set)) result.push_back(p);
    }
    CPU_FREE(set);
    if (!result.empty()) return result;
    if (done != 0 && error != EINVAL) break;
  }
  return {0};
}

std::vector<Core> cores_of(const fs::path& root, const std::vector<unsigned>& usable) {
  const std::set<unsigned> fast = fastest_kind(root, usable);
  std::vector<Core> cores;
  std::set<unsigned> seen;
  for (const unsigned p : usable) {
    if (seen.contains(p)) continue;
    Core core;
    core.performance = fast.contains(p);
    const std::vector<unsigned> threads = siblings(root, p);
    for (const unsigned q : usable) {
      const bool ours = q == p || std::find(threads.begin(), threads.end(), q) != threads.end();
      if (ours && seen.insert(q).second) core.processors.push_back(q);
    }
    cores.push_back(std::move(core));
  }
  std::stable_partition(cores.begin(), cores.end(), [](const Core& c) { return c.performance; });
  return cores;
}

CpuInfo cpu_info_of(const fs::path& root, const std::vector<unsigned>& usable) {
  const std::string cpuinfo = read_text(root / "proc/cpuinfo").value_or("");
  const std::vector<Core> cores = cores_of(root, usable);
  CpuInfo info;
  info.model = cpu_model(root, cpuinfo);
  info.usable = usable;
  info.quota_cores = cgroup_quota_cores(root);
  info.physical_cores = static_cast<unsigned>(cores.size());
  info.performance_cores = static_cast<unsigned>(
      std::count_if(cores.begin(), cores.end(), [](const Core& c) { return c.performance; }));
  // The caches of the fastest core come first.
  std::vector<unsigned> by_speed = pin_order_of(cores, static_cast<unsigned>(usable.size()));
  read_caches(root, by_speed, info);
  info.hypervisor = hypervisor_of(root, cpuinfo);
  info.virtual_machine = !info.hypervisor.empty();
  if (info.hypervisor == kUnnamedHypervisor) info.hypervisor.clear();
  info.governor =
      read_text(cpu_folder(root, by_speed.front()) / "cpufreq/scaling_governor").value_or("");
  return info;
}

CpuInfo cpu_info() { return cpu_info_of("/", affinity()); }

unsigned default_threads_of(const CpuInfo& info) {
  unsigned threads = std::max(1U, info.performance_cores);
  if (info.quota_cores > 0) {
    threads = std::min(threads, std::max(1U, static_cast<unsigned>(info.quota_cores)));
  }
  return threads;
}

unsigned default_threads() { return default_threads_of(cpu_info()); }

std::vector<unsigned> pin_order_of(const std::vector<Core>& cores, unsigned threads) {
  std::vector<unsigned> all;
  std::size_t most = 0;
  for (const Core& core : cores) most = std::max(most, core.processors.size());
  for (std::size_t sibling = 0; sibling < most; ++sibling) {
    for (const Core& core : cores) {
      if (sibling < core.processors.size()) all.push_back(core.processors[sibling]);
    }
  }
  std::vector<unsigned> result(threads);
  for (unsigned i = 0; i < threads; ++i) result[i] = all[i % all.size()];
  return result;
}

std::vector<unsigned> pin_order(unsigned threads) {
  return pin_order_of(cores_of("/", affinity()), threads);
}

void leave_processors(const std::vector<unsigned>& taken, unsigned processor) {
  const int now = sched_getcpu();
  if (now < 0 || std::ranges::find(taken, static_cast<unsigned>(now)) == taken.end()) return;
  constexpr std::size_t kMostProcessors = 8192;  // the kernel's own limit (NR_CPUS of x86-64)
  cpu_set_t* before = CPU_ALLOC(kMostProcessors);
  const std::size_t bytes = CPU_ALLOC_SIZE(kMostProcessors);
  // Bound to the one, a thread is moved at once; bound to all again, it stays until it is moved.
  if (sched_getaffinity(0, bytes, before) == 0 && pin_this_thread(processor)) {
    sched_setaffinity(0, bytes, before);
  }
  CPU_FREE(before);
}

bool pin_this_thread(unsigned processor) {
  cpu_set_t* set = CPU_ALLOC(processor + 1);
  const std::size_t bytes = CPU_ALLOC_SIZE(processor + 1);
  CPU_ZERO_S(bytes, set);
  CPU_SET_S(processor, bytes, set);
  const bool done = sched_setaffinity(0, bytes, set) == 0;
  CPU_FREE(set);
  return done;
}

}  // namespace ceiling::os
