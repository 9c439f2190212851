// Architectures: from a file's metadata to a Program. One function an architecture
// (model/architectures/).
#pragma once

#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "model/program.h"

namespace ceiling {

// llama, qwen2, qwen3, gemma3. Throws Error(integrity) naming what is missing or mis-shaped, and
// Error(failed) for an unknown architecture (named, with those supported).
Program build_program(const gguf::File& file);

std::vector<std::string_view> supported_architectures();

}  // namespace ceiling
