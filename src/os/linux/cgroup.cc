#include "os/linux/cgroup.h"

#include <algorithm>
#include <limits>
#include <sstream>
#include <string>

#include "os/linux/text.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;

// Version 1 shows "no limit" as a huge number that depends on the page size.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

bool holds_word(std::string_view comma_list, std::string_view word) {
  while (!comma_list.empty()) {
    const std::size_t comma = std::min(comma_list.find(','), comma_list.size());
    if (comma_list.substr(0, comma) == word) return true;
    comma_list.remove_prefix(std::min(comma + 1, comma_list.size()));
  }
  return false;
}

struct Mount {
  int version = 0;
  std::string root;  // the group that stands at `point`
  std::string point;
};

// Where the controller's hierarchy is mounted, from /proc/self/mountinfo (proc(5)).
Mount find_mount(const fs::path& root, std::string_view controller) {
  Mount found;
  std::istringstream lines(read_text(root / "proc/self/mountinfo").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream left(line.substr(0, dash));
    std::istringstream right(line.substr(dash + 3));
    std::string skipped;
    Mount mount;
    std::string type;
    std::string options;
    left >> skipped >> skipped >> skipped >> mount.root >> mount.point;
    right >> type >> skipped >> options;
    if (type == "cgroup" && holds_word(options, controller)) {
      mount.version = 1;
      return mount;
    }
    if (type == "cgroup2" && found.version == 0) {
      mount.version = 2;
      found = mount;
    }
  }
  return found;
}

// This process's group in that hierarchy, from /proc/self/cgroup (cgroups(7)).
std::string own_group(const fs::path& root, int version, std::string_view controller) {
  std::istringstream lines(read_text(root / "proc/self/cgroup").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version == 2 ? controllers.empty() : holds_word(controllers, controller)) {
      return line.substr(second + 1);
    }
  }
  return "/";
}

}  // namespace

CgroupPath cgroup_path(const fs::path& root, std::string_view controller) {
  const Mount mount = find_mount(root, controller);
  CgroupPath result{mount.version, {}};
  if (mount.version == 0) return result;
  const fs::path top = root / fs::path(mount.point).relative_path();
  fs::path group = own_group(root, mount.version, controller);
  if (mount.root != "/") group = group.lexically_relative(mount.root);
  fs::path folder = top / group.relative_path();
  std::error_code error;
  // A container without its own name space is told of a group that it cannot see.
  if (group.empty() || *group.begin() == ".." || !fs::is_directory(folder, error)) folder = top;
  folder = folder.lexically_normal();
  for (; folder != top && folder.has_relative_path(); folder = folder.parent_path()) {
    if (folder.has_filename()) result.folders.push_back(folder);
  }
  result.folders.push_back(top);
  return result;
}

double cgroup_quota_cores(const fs::path& root) {
  const CgroupPath path = cgroup_path(root, "cpu");
  double least = std::numeric_limits<double>::infinity();
  for (const fs::path& folder : path.folders) {
    double quota = 0;
    double period = 0;
    if (path.version == 2) {
      std::istringstream text(read_text(folder / "cpu.max").value_or(""));
      text >> quota >> period;  // "max 100000" leaves both zero
    } else {
      // "-1" is no limit, and no number here
      quota = static_cast<double>(read_number(folder / "cpu.cfs_quota_us").value_or(0));
      period = static_cast<double>(read_number(folder / "cpu.cfs_period_us").value_or(0));
    }
    if (quota > 0 && period > 0) least = std::min(least, quota / period);
  }
  return least == std::numeric_limits<double>::infinity() ? 0 : least;
}

std::optional<CgroupMemory> cgroup_memory(const fs::path& root) {
  const CgroupPath path = cgroup_path(root, "memory");
  const bool v2 = path.version == 2;
  std::optional<CgroupMemory> result;
  for (const fs::path& folder : path.folders) {
    const auto limit = read_number(folder / (v2 ? "memory.max" : "memory.limit_in_bytes"));
    const auto used = read_number(folder / (v2 ? "memory.current" : "memory.usage_in_bytes"));
    if (!limit || !used || *limit >= kNoLimit) continue;
    const std::string stat = read_text(folder / "memory.stat").value_or("");
    const std::string prefix = v2 ? "" : "total_";
    const std::uint64_t cache = keyed_number(stat, prefix + "inactive_file").value_or(0) +
                                keyed_number(stat, prefix + "active_file").value_or(0);
    const std::uint64_t held = *used - std::min(*used, cache);
    const std::uint64_t available = *limit - std::min(*limit, held);
    if (!result) result = CgroupMemory{*limit, available};
    result->limit = std::min(result->limit, *limit);
    result->available = std::min(result->available, available);
  }
  return result;
}

}  // namespace ceiling::os
