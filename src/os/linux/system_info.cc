#include <sys/utsname.h>

#include "os/conditions.h"
#include "os/linux/text.h"
#include "os/linux/trees.h"

namespace ceiling::os {

SystemInfo system_info_of(const std::filesystem::path& root) {
  SystemInfo info;
  utsname names{};
  if (uname(&names) == 0) {
    info.kernel = names.release;
    info.host = names.nodename;
  }
  const std::string release = read_text(root / "etc/os-release").value_or("");
  info.os = keyed_text(release, "PRETTY_NAME").value_or("Linux");
  info.power_profile = read_text(root / "sys/firmware/acpi/platform_profile").value_or("");
  return info;
}

SystemInfo system_info() { return system_info_of("/"); }

}  // namespace ceiling::os
