// Named values of the macOS kernel.
#pragma once

#include <sys/sysctl.h>

#include <cstdint>
#include <string>

namespace ceiling::os {

// 0 where the name is unknown.
inline std::uint64_t sysctl_number(const char* name) {
  std::uint64_t value = 0;  // a 32-bit value fills the lower half
  std::size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

// Empty where the name is unknown.
inline std::string sysctl_text(const char* name) {
  std::size_t size = 0;
  if (sysctlbyname(name, nullptr, &size, nullptr, 0) != 0 || size == 0) return {};
  std::string text(size, '\0');
  if (sysctlbyname(name, text.data(), &size, nullptr, 0) != 0) return {};
  return text.substr(0, text.find('\0'));
}

}  // namespace ceiling::os
