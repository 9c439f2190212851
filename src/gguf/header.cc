#include "gguf/header.h"

#include <algorithm>
#include <utility>

#include "gguf/cursor.h"
#include "gguf/read.h"
#include "os/memory_map.h"

namespace ceiling::gguf {
namespace {

// Vocabularies make headers of up to some tens of megabytes.
constexpr std::size_t kMostHeaderBytes = std::size_t{256} << 20U;

}  // namespace

Header parse_header(std::vector<std::byte> front, std::string label) {
  Header header;
  header.label = std::move(label);
  header.bytes = std::move(front);
  Cursor cursor(header.bytes, header.label);
  const Front counts = read_front(cursor, header.label);
  header.metadata = read_metadata(cursor, counts.key_count, header.label);
  header.tensors = read_tensors(cursor, counts.tensor_count, header.label);
  return header;
}

Header read_header(const std::string& path) {
  const os::MappedFile map = os::MappedFile::open(path);
  const auto front = map.bytes().subspan(0, std::min(map.bytes().size(), kMostHeaderBytes));
  return parse_header({front.begin(), front.end()}, path);
}

}  // namespace ceiling::gguf
