// The SHA-256 of a model file, which takes a second for each GB or so: remembered for a file as
// long as its path, size and time of last change stay the same.
#pragma once

#include <string>

namespace ceiling::cli {

// Throws Error(failed) if the file cannot be read. A cache that cannot be read or written is done
// without.
std::string model_sha256(const std::string& path);

}  // namespace ceiling::cli
