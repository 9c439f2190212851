// The parts of a GGUF file, read from its front to its tensor data. Used by file.cc alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf/cursor.h"
#include "gguf/file.h"
#include "gguf/metadata.h"

namespace ceiling::gguf {

// `count` keys with their values. Throws Error(integrity).
Metadata read_metadata(Cursor& cursor, std::uint64_t count, const std::string& label);

// `count` tensor descriptions; offsets are still those stored, from the start of the tensor data.
// Throws Error(integrity), or Error(failed) for a type that GGUF has and Ceiling does not.
std::vector<TensorInfo> read_tensors(Cursor& cursor, std::uint64_t count, const std::string& label);

}  // namespace ceiling::gguf
