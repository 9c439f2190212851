// Only the front of a GGUF file: keys and tensor shapes, without the weights that follow. The first
// few megabytes of a file on a hub are enough to count and predict it.
#pragma once

#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/metadata.h"

namespace ceiling::gguf {

struct Header {
  std::string label;  // path, for messages
  Metadata metadata;  // its strings are views into `bytes`
  std::vector<TensorInfo> tensors;
  std::vector<std::byte> bytes;
};

// Reads a whole file's front, or a file that ends after its header. Throws Error(failed) if it
// cannot be read, Error(integrity) if the header is not sound or not complete.
Header read_header(const std::string& path);

// The same from bytes that begin a file; `label` names it in messages. Throws Truncated (a kind of
// Error(integrity)) where more bytes may complete it.
Header parse_header(std::vector<std::byte> front, std::string label);

}  // namespace ceiling::gguf
