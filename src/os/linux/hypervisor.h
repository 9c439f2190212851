// Whether this is a virtual machine, and whose.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ceiling::os {

inline constexpr std::string_view kUnnamedHypervisor = "unnamed";

// "KVM", "Hyper-V", ...; kUnnamedHypervisor for a virtual machine of unknown make; empty for none.
// `cpuinfo` is the text of /proc/cpuinfo below the same root.
std::string hypervisor_of(const std::filesystem::path& root, const std::string& cpuinfo);

}  // namespace ceiling::os
