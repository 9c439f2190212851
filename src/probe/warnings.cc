// When a reading deserves caution, why, and what to do: each warning has its remedy.
#include <fmt/format.h>

#include <algorithm>

#include "probe/report.h"

namespace ceiling::probe {
namespace {

constexpr double kWideSpread = 0.15;  // of the middle 80 % of the readings, to their median
constexpr double kMuchSteal = 0.01;   // of our processors' time
constexpr double kBusyOthers = 0.02;  // of our processors' time
constexpr double kHot = 90;           // degrees Celsius

double percent(double share) { return 100 * share; }

// Growth of a counter as a share of the time that all usable processors had.
double share_of_time(const Report& report, const std::optional<double>& before,
                     const std::optional<double>& after) {
  const double time = (report.after.monotonic_s - report.before.monotonic_s) *
                      static_cast<double>(report.machine.cpu.usable.size());
  if (!before || !after || time <= 0) return 0;
  return (*after - *before) / time;
}

void about_spread(const Report& report, std::vector<Warning>& found) {
  double widest = 0;
  for (const BandwidthReading& reading : report.memory) {
    widest = std::max(widest, reading.gb_per_s.spread());
  }
  if (report.file) widest = std::max(widest, report.file->bandwidth.gb_per_s.spread());
  if (widest <= kWideSpread) return;
  found.push_back(
      {fmt::format("readings of memory differ by {:.0f} % (middle 80 % of them)", percent(widest)),
       "close other programs and probe again; on a shared machine compare runs by their "
       "share of the ceiling, not by tokens/s"});
}

void about_the_others(const Report& report, std::vector<Warning>& found) {
  const double steal = share_of_time(report, report.before.steal_s, report.after.steal_s);
  if (steal > kMuchSteal) {
    found.push_back(
        {fmt::format("the hypervisor took {:.1f} % of the processors' time", percent(steal)),
         "measure at another time, or on a machine that is not shared"});
  }
  const double others =
      share_of_time(report, report.before.busy_others_s, report.after.busy_others_s);
  if (others > kBusyOthers) {
    found.push_back(
        {fmt::format("other programs used {:.0f} % of the processors' time", percent(others)),
         "close them (see `top`) and probe again"});
  }
  if (report.before.swap_in_pages && report.after.swap_in_pages &&
      *report.after.swap_in_pages > *report.before.swap_in_pages) {
    found.push_back({"the machine was reading swapped-out memory back",
                     "close programs until memory is free, and probe again"});
  }
}

void about_clocks(const Report& report, std::vector<Warning>& found) {
  const std::string& governor = report.machine.cpu.governor;
  if (governor == "powersave" || governor == "conservative") {
    found.push_back({fmt::format("the clock governor is '{}': clocks may stay low", governor),
                     "sudo cpupower frequency-set -g performance"});
  }
  if (report.before.throttle_events && report.after.throttle_events &&
      *report.after.throttle_events > *report.before.throttle_events) {
    found.push_back({"the processor slowed itself down because of heat",
                     "let it cool, improve its cooling, and probe again"});
  } else if (report.after.temperature_c.value_or(0) >= kHot) {
    found.push_back(
        {fmt::format("a sensor shows {:.0f} degrees Celsius", *report.after.temperature_c),
         "let the machine cool, or it will slow itself down"});
  }
}

void about_size(const Report& report, std::vector<Warning>& found) {
  if (!report.memory.empty() && report.memory.back().region < report.wanted_region) {
    found.push_back({fmt::format("memory was read over {} only, of {} wanted: caches may help",
                                 format_capacity(report.memory.back().region),
                                 format_capacity(report.wanted_region)),
                     "close other programs, so that more memory is free"});
  }
  if (report.file && !report.file->bandwidth.from_memory) {
    found.push_back(
        {fmt::format("the file ({}) is small beside the caches ({}): it was partly read from them",
                     format_capacity(report.file->size),
                     format_capacity({report.machine.cpu.last_level_bytes})),
         "take memory's figure as the ceiling, or name a larger file"});
  }
}

void about_limits(const Report& report, std::vector<Warning>& found) {
  const os::CpuInfo& cpu = report.machine.cpu;
  if (cpu.quota_cores > 0 && !report.memory.empty() &&
      report.memory.back().threads > cpu.quota_cores) {
    found.push_back(
        {fmt::format("a control group limits this process to {:.1f} cores: {} threads are stopped "
                     "now and then",
                     cpu.quota_cores, report.memory.back().threads),
         fmt::format("use -t {:.0f}, or raise the limit", std::max(1.0, cpu.quota_cores))});
  }
}

}  // namespace

std::vector<Warning> warnings_of(const Report& report) {
  std::vector<Warning> found;
  about_spread(report, found);
  about_the_others(report, found);
  about_clocks(report, found);
  about_size(report, found);
  about_limits(report, found);
  return found;
}

}  // namespace ceiling::probe
