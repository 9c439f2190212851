// The parts of a GGUF file, read from its front to its tensor data. Used by file.cc and
// header.cc alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf/cursor.h"
#include "gguf/file.h"
#include "gguf/metadata.h"

namespace ceiling::gguf {

struct Front {
  std::uint32_t version = 0;  // 2 or 3
  std::uint64_t tensor_count = 0, key_count = 0;
};

// Magic number, version and counts. Throws Error(integrity) for what is no GGUF file, Error(failed)
// for a version or byte order that Ceiling does not read.
Front read_front(Cursor& cursor, const std::string& label);

// `count` keys with their values. Throws Error(integrity).
Metadata read_metadata(Cursor& cursor, std::uint64_t count, const std::string& label);

// `count` tensor descriptions; offsets are still those stored, from the start of the tensor data.
// Throws Error(integrity), or Error(failed) for a type that GGUF has and Ceiling does not.
std::vector<TensorInfo> read_tensors(Cursor& cursor, std::uint64_t count, const std::string& label);

}  // namespace ceiling::gguf
