// A mapped file that shrinks, or whose disk fails, raises SIGBUS at the next read of a lost page.
// The handler here ends the process with exit code 4 and one line that names the file.
#pragma once

#include <cstddef>
#include <string>

namespace ceiling::os {

// Registers a mapping with the handler (installed on first use). The slot is to be given back
// before the mapping goes. Returns -1 when all slots are taken: the mapping works, unnamed in such
// an error.
int watch_mapping(const std::byte* data, std::size_t bytes, const std::string& path);
void unwatch_mapping(int slot);

}  // namespace ceiling::os
