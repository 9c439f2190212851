#include "os/memory_group.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "os/linux/cgroup.h"
#include "os/linux/text.h"

namespace ceiling::os {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "ceiling-trial-";

// Writes one value into a control file; the reason where it cannot.
std::string write_control(const fs::path& file, const std::string& value) {
  errno = 0;
  std::ofstream out(file);
  out << value;
  out.flush();
  if (out.good()) return {};
  return "cannot write '" + file.string() + "': " + std::strerror(errno == 0 ? EIO : errno);
}

// In version 2 a group that holds processes cannot have groups with limits inside it: the new one
// stands beside ours, in our parent.
struct Home {
  int version = 0;
  fs::path own, parent_of_new;
};

Home find_home() {
  const CgroupPath path = cgroup_path("/", "memory");
  Home home;
  home.version = path.version;
  if (path.version == 0 || path.folders.empty()) return {};
  home.own = path.folders.front();
  if (path.version == 1) {
    home.parent_of_new = home.own;
  } else {
    if (path.folders.size() < 2) return {};
    home.parent_of_new = path.folders[1];
  }
  return home;
}

// Groups that a killed trial left behind: only empty ones can be removed.
void remove_left_behind(const fs::path& parent) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent, error)) {
    if (entry.path().filename().string().starts_with(kPrefix)) rmdir(entry.path().c_str());
  }
}

const char* limit_file(int version) {
  return version == 1 ? "memory.limit_in_bytes" : "memory.max";
}

}  // namespace

std::string memory_group_obstacle() {
  const Home home = find_home();
  if (home.version == 0) return "no control group for memory shows here";
  const fs::path trial =
      home.parent_of_new / (kPrefix + std::string("test-") + std::to_string(getpid()));
  if (mkdir(trial.c_str(), 0755) != 0) {
    return "cannot make a control group in '" + home.parent_of_new.string() +
           "': " + std::strerror(errno) + "; run the lab as root, or in a delegated group";
  }
  std::string why;
  if (!fs::exists(trial / limit_file(home.version))) {
    why = "the memory controller is not delegated to '" + home.parent_of_new.string() + "'";
  }
  rmdir(trial.c_str());
  return why;
}

MemoryGroup::MemoryGroup() {
  const Home home = find_home();
  if (home.version == 0) {
    fail(ExitCode::failed, "no control group for memory shows here: run where cgroups are mounted");
  }
  remove_left_behind(home.parent_of_new);
  version_ = home.version;
  home_ = home.own.string();
  folder_ = (home.parent_of_new / (kPrefix + std::to_string(getpid()))).string();
  if (mkdir(folder_.c_str(), 0755) != 0) {
    fail(ExitCode::failed, "cannot make the control group '{}': {}; run as root", folder_,
         std::strerror(errno));
  }
  const std::string why =
      write_control(fs::path(folder_) / "cgroup.procs", std::to_string(getpid()));
  if (!why.empty()) {
    rmdir(folder_.c_str());
    fail(ExitCode::failed, "{}; run as root, or in a delegated group", why);
  }
  // Where it cannot be set there is no swap to keep out of.
  if (version_ == 1) {
    write_control(fs::path(folder_) / "memory.swappiness", "0");
  } else {
    write_control(fs::path(folder_) / "memory.swap.max", "0");
  }
}

MemoryGroup::~MemoryGroup() {
  write_control(fs::path(home_) / "cgroup.procs", std::to_string(getpid()));
  rmdir(folder_.c_str());
}

void MemoryGroup::limit(Bytes bytes) const {
  const std::string why =
      write_control(fs::path(folder_) / limit_file(version_), std::to_string(bytes.value));
  if (!why.empty()) {
    fail(ExitCode::failed, "{}: the group holds more than {} that cannot be given back", why,
         format_capacity(bytes));
  }
}

MemoryGroup::Charge MemoryGroup::charge() const {
  const fs::path folder(folder_);
  const std::string stat = read_text(folder / "memory.stat").value_or("");
  const bool first = version_ == 1;
  const auto number = [&](const char* v1, const char* v2) {
    return keyed_number(stat, first ? v1 : v2).value_or(0);
  };
  Charge charge;
  charge.all = {
      read_number(folder / (first ? "memory.usage_in_bytes" : "memory.current")).value_or(0)};
  charge.file = {number("cache", "file")};
  charge.refaults = number("workingset_refault_file", "workingset_refault_file");
  return charge;
}

}  // namespace ceiling::os
