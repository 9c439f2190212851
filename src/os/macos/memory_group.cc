#include "os/memory_group.h"

#include "base/error.h"

namespace ceiling::os {

std::string memory_group_obstacle() { return "macOS has no control groups"; }

MemoryGroup::MemoryGroup() { fail(ExitCode::failed, "{}", memory_group_obstacle()); }
MemoryGroup::~MemoryGroup() = default;
void MemoryGroup::limit(Bytes /*bytes*/) const {}
MemoryGroup::Charge MemoryGroup::charge() const { return {}; }

}  // namespace ceiling::os
