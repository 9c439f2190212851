#include <filesystem>

#include "base/error.h"
#include "os/process.h"

namespace ceiling::os {

std::string own_executable() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    fail(ExitCode::failed, "cannot find this program's own file: {}; mount /proc", error.message());
  }
  return path.string();
}

}  // namespace ceiling::os
