#include "gguf/header.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/printable.h"
#include "gguf/cursor.h"
#include "gguf/read.h"
#include "os/memory_map.h"

namespace ceiling::gguf {
namespace {

// Vocabularies make headers of up to some tens of megabytes.
constexpr std::size_t kMostHeaderBytes = std::size_t{256} << 20U;

}  // namespace

Header read_header(const std::string& path) {
  Header header;
  header.label = path;
  const os::MappedFile map = os::MappedFile::open(path);
  const auto front = map.bytes().subspan(0, std::min(map.bytes().size(), kMostHeaderBytes));
  header.bytes.assign(front.begin(), front.end());
  Cursor cursor(header.bytes, header.label);
  if (std::memcmp(cursor.take(4, "its magic number").data(), "GGUF", 4) != 0) {
    fail(ExitCode::integrity, "'{}' is not a GGUF file: it does not start with 'GGUF'",
         printable(path));
  }
  const auto version = cursor.number<std::uint32_t>("its version");
  if (version != 2 && version != 3) {
    fail(ExitCode::failed, "'{}' is GGUF version {}; supported: 2 and 3", printable(path), version);
  }
  const auto tensor_count = cursor.number<std::uint64_t>("its number of tensors");
  const auto key_count = cursor.number<std::uint64_t>("its number of metadata keys");
  header.metadata = read_metadata(cursor, key_count, header.label);
  header.tensors = read_tensors(cursor, tensor_count, header.label);
  return header;
}

}  // namespace ceiling::gguf
