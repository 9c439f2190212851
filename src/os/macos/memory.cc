#include "os/memory.h"

#include <mach/mach.h>
#include <sys/sysctl.h>

#include <algorithm>

#include "os/macos/sysctl.h"

namespace ceiling::os {

MemoryInfo memory_info() {
  MemoryInfo info;
  info.total = {sysctl_number("hw.memsize")};
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  if (host_statistics64(mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages),
                        &count) == KERN_SUCCESS) {
    const std::uint64_t free = std::uint64_t{pages.free_count} + pages.purgeable_count +
                               pages.external_page_count;  // external: pages of files
    info.available = {std::min(info.total.value, free * vm_kernel_page_size)};
  }
  xsw_usage swap{};
  std::size_t size = sizeof swap;
  if (sysctlbyname("vm.swapusage", &swap, &size, nullptr, 0) == 0) {
    info.swap_total = {swap.xsu_total};
    info.swap_used = {swap.xsu_used};
  }
  return info;
}

ProcessMemory process_memory() {
  task_vm_info_data_t own{};
  mach_msg_type_number_t count = TASK_VM_INFO_COUNT;
  if (task_info(mach_task_self(), TASK_VM_INFO, reinterpret_cast<task_info_t>(&own), &count) !=
      KERN_SUCCESS) {
    return {};
  }
  return {.resident = {own.resident_size},
          .resident_file = {own.external},
          .resident_anonymous = {own.internal},
          .peak_resident = {own.resident_size_peak}};
}

}  // namespace ceiling::os
