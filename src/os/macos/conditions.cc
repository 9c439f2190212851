#include "os/conditions.h"

#include <mach/mach.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include "os/macos/sysctl.h"

namespace ceiling::os {
namespace {

double clock_s(clockid_t clock) { return 1e-9 * static_cast<double>(clock_gettime_nsec_np(clock)); }

}  // namespace

Conditions conditions() {
  Conditions now;
  now.monotonic_s = clock_s(CLOCK_UPTIME_RAW);    // stops while the machine sleeps
  now.boottime_s = clock_s(CLOCK_MONOTONIC_RAW);  // does not, on this system
  now.wall_s = clock_s(CLOCK_REALTIME);
  double load = 0;
  if (getloadavg(&load, 1) == 1) now.load_1min = load;
  rusage own{};
  if (getrusage(RUSAGE_SELF, &own) == 0) {
    now.major_faults = static_cast<std::uint64_t>(own.ru_majflt);
    now.minor_faults = static_cast<std::uint64_t>(own.ru_minflt);
  }
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  if (host_statistics64(mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages),
                        &count) == KERN_SUCCESS) {
    now.swap_in_pages = pages.swapins;
    now.swap_out_pages = pages.swapouts;
  }
  return now;
}

SystemInfo system_info() {
  SystemInfo info;
  utsname names{};
  if (uname(&names) == 0) {
    info.kernel = names.release;
    info.host = names.nodename;
  }
  info.os = "macOS " + sysctl_text("kern.osproductversion");
  return info;
}

}  // namespace ceiling::os
