#include "os/ballast.h"

#include "base/error.h"

namespace ceiling::os {

std::string ballast_obstacle(Bytes /*bytes*/) {
  return "locking memory to fill it was not tried on macOS, which compresses before it gives up";
}

Ballast::Ballast() = default;

void Ballast::grow(Bytes /*bytes*/) { fail(ExitCode::failed, "{}", ballast_obstacle({0})); }

}  // namespace ceiling::os
