// What the tree says of the right to lock memory: tests show those of other processes.
#pragma once

#include <filesystem>

namespace ceiling::os {

bool may_lock_anything(const std::filesystem::path& root);

}  // namespace ceiling::os
