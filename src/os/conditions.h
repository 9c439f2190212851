// What the machine was doing: counters before and after a trial. Absent values are empty, not zero.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ceiling::os {

// Cumulative since boot or process start; subtract two snapshots for an interval.
struct Conditions {
  double monotonic_s = 0;         // CLOCK_MONOTONIC: stops while the machine sleeps
  double boottime_s = 0;          // CLOCK_BOOTTIME: does not
  double wall_s = 0;              // seconds since 1970
  std::optional<double> steal_s;  // time the hypervisor took, all our processors
  // Processor time of other processes on our processors, apart from the kernel's own threads and
  // from children of this process that have ended.
  std::optional<double> busy_others_s;
  double busy_resolution_s = 0;  // of that time, for each processor
  std::optional<double> load_1min;
  std::optional<double> memory_stall_s;       // PSI memory, "some"
  std::optional<double> cpu_stall_s;          // PSI cpu, "some"
  std::optional<std::uint64_t> major_faults;  // of this process
  std::optional<std::uint64_t> minor_faults;
  std::optional<std::uint64_t> swap_in_pages;  // of the machine
  std::optional<std::uint64_t> swap_out_pages;
  std::optional<std::uint64_t> refaults;         // workingset refaults, file
  std::optional<double> frequency_mhz;           // mean over our processors, now
  std::optional<double> temperature_c;           // hottest sensor, now
  std::optional<std::uint64_t> throttle_events;  // thermal throttle counters
};
Conditions conditions();

struct SystemInfo {
  std::string os;  // "Debian GNU/Linux 12 (bookworm)"
  std::string kernel;
  std::string host;  // host name
  std::string power_profile;
};
SystemInfo system_info();

}  // namespace ceiling::os
