// Which file -m means.
#pragma once

#include <string>

namespace ceiling::cli {

// `asked` is a path, or the name of a file in os::models_directory() (any part of it that only one
// has, in upper or lower case); empty: the default model. Throws Error(failed) when there is none,
// with those there are, Error(usage) when several match.
std::string model_path(const std::string& asked);

}  // namespace ceiling::cli
