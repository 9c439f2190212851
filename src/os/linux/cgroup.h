// Limits that a control group sets on this process, in version 1 and version 2, at every level up
// to the root that is visible from here (a container often shows only its own).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace ceiling::os {

// Folders of this process's group and its parents for one controller ("cpu", "memory"), innermost
// first. Version 2's one hierarchy is used where the controller is not mounted as version 1.
struct CgroupPath {
  int version = 0;  // 0: no such controller
  std::vector<std::filesystem::path> folders;
};
CgroupPath cgroup_path(const std::filesystem::path& root, std::string_view controller);

// The tightest CPU quota in cores; 0 = none.
double cgroup_quota_cores(const std::filesystem::path& root);

struct CgroupMemory {
  std::uint64_t limit = 0;      // the tightest limit
  std::uint64_t available = 0;  // least of limit - (used - page cache) over the levels
};
std::optional<CgroupMemory> cgroup_memory(const std::filesystem::path& root);

}  // namespace ceiling::os
