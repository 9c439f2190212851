#include "os/conditions.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "os/linux/cgroup.h"
#include "os/linux/text.h"
#include "os/linux/trees.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;

double clock_s(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// What our children took, those that have ended and were waited for.
double ended_children_s() {
  rusage children{};
  if (getrusage(RUSAGE_CHILDREN, &children) != 0) return 0;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(children.ru_utime) + seconds(children.ru_stime);
}

struct ProcessorTime {
  double busy_s = 0;
  double steal_s = 0;
  bool known = false;
  bool all_ours = true;  // no processor of the machine is left out
};

// The lines "cpuN user nice system idle iowait irq softirq steal ..." of our processors (proc(5)).
ProcessorTime processor_time(const fs::path& root, const std::vector<unsigned>& usable) {
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessorTime sum;
  double total = 0;
  std::istringstream lines(read_text(root / "proc/stat").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("cpu") || line.size() < 4 || line[3] < '0' || line[3] > '9') continue;
    std::istringstream fields(line.substr(3));
    unsigned processor = 0;
    double user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0;
    fields >> processor >> user >> nice >> system >> idle >> wait >> irq >> soft >> steal;
    if (!fields) continue;
    if (std::find(usable.begin(), usable.end(), processor) == usable.end()) {
      sum.all_ours = false;
      continue;
    }
    sum.busy_s += (user + nice + system + irq + soft) / ticks;
    sum.steal_s += steal / ticks;
    total += user + system + idle;
  }
  sum.known = total > 0;  // some containers show zeros
  return sum;
}

// Of the threads of the kernel itself, which are no other process: they read pages in and make room
// for them, mostly for us. Fields of proc(5)'s stat, counted from behind the name, which may hold
// anything: flags are the 7th, user and system time the 12th and 13th.
double kernel_threads_s(const fs::path& root) {
  constexpr std::uint64_t kernel_thread = 0x00200000;  // PF_KTHREAD of linux/sched.h
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  double sum = 0;
  std::error_code error;
  for (const auto& process : fs::directory_iterator(root / "proc", error)) {
    const std::string name = process.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string stat = read_text(process.path() / "stat").value_or("");
    const std::size_t behind = stat.rfind(')');
    if (behind == std::string::npos) continue;
    std::istringstream fields(stat.substr(behind + 1));
    std::string skipped;
    for (int i = 0; i < 6; ++i) fields >> skipped;
    std::uint64_t flags = 0;
    fields >> flags;
    for (int i = 0; i < 4; ++i) fields >> skipped;
    double user = 0, system = 0;
    if (fields >> user >> system && (flags & kernel_thread) != 0) sum += (user + system) / ticks;
  }
  return sum;
}

// Total of the line "some ... total=MICROSECONDS" of a pressure file: our group's, or the
// machine's.
std::optional<double> stall_s(const fs::path& root, const std::string& resource) {
  std::optional<std::string> text;
  const CgroupPath group = cgroup_path(root, resource);
  if (group.version == 2) text = read_text(group.folders.front() / (resource + ".pressure"));
  if (!text) text = read_text(root / "proc/pressure" / resource);
  if (!text || !text->starts_with("some ")) return std::nullopt;
  const std::size_t at = text->find("total=");
  if (at == std::string::npos) return std::nullopt;
  double microseconds = 0;
  if (!(std::istringstream(text->substr(at + 6)) >> microseconds)) return std::nullopt;
  return microseconds * 1e-6;
}

std::optional<double> load_1min(const fs::path& root) {
  double load = 0;
  std::istringstream text(read_text(root / "proc/loadavg").value_or(""));
  if (!(text >> load)) return std::nullopt;
  return load;
}

std::optional<double> mean_frequency_mhz(const fs::path& root,
                                         const std::vector<unsigned>& usable) {
  double sum = 0;
  unsigned count = 0;
  for (const unsigned p : usable) {
    const auto khz = read_number(root / "sys/devices/system/cpu" / ("cpu" + std::to_string(p)) /
                                 "cpufreq/scaling_cur_freq");
    if (!khz) continue;
    sum += static_cast<double>(*khz) / 1e3;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

// Hottest of the sensors that show thousandths of a degree; those that show nonsense are left out.
std::optional<double> hottest_c(const fs::path& root) {
  std::optional<double> most;
  const auto consider = [&](const fs::path& file) {
    const auto value = read_number(file);
    if (!value || *value < 1000 || *value > 150'000) return;
    most = std::max(most.value_or(0), static_cast<double>(*value) / 1000);
  };
  std::error_code error;
  for (const auto& zone : fs::directory_iterator(root / "sys/class/thermal", error)) {
    consider(zone.path() / "temp");
  }
  for (const auto& sensor : fs::directory_iterator(root / "sys/class/hwmon", error)) {
    for (int i = 1; i <= 16; ++i) consider(sensor.path() / ("temp" + std::to_string(i) + "_input"));
  }
  return most;
}

// Each core counts its own events, and every core of a package shows the package's.
std::optional<std::uint64_t> throttle_events(const fs::path& root,
                                             const std::vector<unsigned>& usable) {
  std::optional<std::uint64_t> cores;
  std::uint64_t package = 0;
  for (const unsigned p : usable) {
    const fs::path folder =
        root / "sys/devices/system/cpu" / ("cpu" + std::to_string(p)) / "thermal_throttle";
    const auto core = read_number(folder / "core_throttle_count");
    if (core) cores = cores.value_or(0) + *core;
    package = std::max(package, read_number(folder / "package_throttle_count").value_or(0));
  }
  if (cores) *cores += package;
  return cores;
}

}  // namespace

Conditions conditions_of(const fs::path& root, const std::vector<unsigned>& usable) {
  Conditions now;
  now.monotonic_s = clock_s(CLOCK_MONOTONIC);
  now.boottime_s = clock_s(CLOCK_BOOTTIME);
  now.wall_s = clock_s(CLOCK_REALTIME);
  const ProcessorTime time = processor_time(root, usable);
  if (time.known) {
    now.steal_s = time.steal_s;
    now.busy_resolution_s = 1 / static_cast<double>(sysconf(_SC_CLK_TCK));
    // Where some processors are not ours, which of them a thread ran on is not known.
    const double kernel_s = time.all_ours ? kernel_threads_s(root) : 0;
    const double own_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) + ended_children_s();
    now.busy_others_s = std::max(0.0, time.busy_s - kernel_s - own_s);
  }
  now.load_1min = load_1min(root);
  now.memory_stall_s = stall_s(root, "memory");
  now.cpu_stall_s = stall_s(root, "cpu");
  rusage own{};
  if (getrusage(RUSAGE_SELF, &own) == 0) {
    now.major_faults = static_cast<std::uint64_t>(own.ru_majflt);
    now.minor_faults = static_cast<std::uint64_t>(own.ru_minflt);
  }
  const std::string vmstat = read_text(root / "proc/vmstat").value_or("");
  now.swap_in_pages = keyed_number(vmstat, "pswpin");
  now.swap_out_pages = keyed_number(vmstat, "pswpout");
  now.refaults = keyed_number(vmstat, "workingset_refault_file");
  if (!now.refaults) now.refaults = keyed_number(vmstat, "workingset_refault");
  now.frequency_mhz = mean_frequency_mhz(root, usable);
  now.temperature_c = hottest_c(root);
  now.throttle_events = throttle_events(root, usable);
  return now;
}

Conditions conditions() { return conditions_of("/", affinity()); }

}  // namespace ceiling::os
