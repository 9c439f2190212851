#include "os/cpu.h"

#include <pthread.h>
#include <pthread/qos.h>

#include <algorithm>
#include <numeric>

#include "os/macos/sysctl.h"

namespace ceiling::os {

CpuInfo cpu_info() {
  CpuInfo info;
  info.model = sysctl_text("machdep.cpu.brand_string");
  info.usable.resize(std::max<std::uint64_t>(1, sysctl_number("hw.logicalcpu")));
  std::iota(info.usable.begin(), info.usable.end(), 0U);
  info.physical_cores = static_cast<unsigned>(sysctl_number("hw.physicalcpu"));
  // Level 0 is the fastest kind of core; Intel machines have no levels.
  info.performance_cores = static_cast<unsigned>(sysctl_number("hw.perflevel0.physicalcpu"));
  if (info.performance_cores == 0) info.performance_cores = info.physical_cores;
  const bool levels = sysctl_number("hw.nperflevels") > 0;
  info.l1d_bytes = sysctl_number(levels ? "hw.perflevel0.l1dcachesize" : "hw.l1dcachesize");
  info.l2_bytes = sysctl_number(levels ? "hw.perflevel0.l2cachesize" : "hw.l2cachesize");
  info.l3_bytes = sysctl_number("hw.l3cachesize");
  const std::uint64_t share = std::max<std::uint64_t>(1, sysctl_number("hw.perflevel0.cpusperl2"));
  const std::uint64_t clusters = (info.performance_cores + share - 1) / share;
  info.last_level_bytes = info.l3_bytes > 0 ? info.l3_bytes : clusters * info.l2_bytes;
  info.virtual_machine = sysctl_number("kern.hv_vmm_present") != 0;
  return info;
}

unsigned default_threads() { return std::max(1U, cpu_info().performance_cores); }

std::vector<unsigned> pin_order(unsigned threads) {
  const std::vector<unsigned> usable = cpu_info().usable;
  std::vector<unsigned> order;
  for (unsigned i = 0; i < threads; ++i) order.push_back(usable[i % usable.size()]);
  return order;
}

// The system offers no pinning; the highest class of service keeps a thread on the fast cores.
bool pin_this_thread(unsigned /*processor*/) {
  pthread_set_qos_class_self_np(QOS_CLASS_USER_INTERACTIVE, 0);
  return false;
}

void leave_processors(const std::vector<unsigned>& /*taken*/, unsigned /*processor*/) {}

}  // namespace ceiling::os
