#include <string_view>

#include "base/error.h"
#include "base/printable.h"
#include "gguf/read.h"

namespace ceiling::gguf {
namespace {

std::uint32_t read_version(Cursor& cursor, const std::string& label) {
  const std::string_view magic(
      reinterpret_cast<const char*>(cursor.take(4, "its magic number").data()), 4);
  if (magic != "GGUF") {
    fail(ExitCode::integrity, "'{}' is not a GGUF file: it starts with '{}'; expected 'GGUF'",
         label, printable(magic));
  }
  const auto version = cursor.number<std::uint32_t>("its version");
  if (version != 0 && (version & 0xffffu) == 0) {
    fail(ExitCode::failed, "'{}' is a big-endian GGUF file; convert it to little-endian first",
         label);
  }
  if (version != 2 && version != 3) {
    fail(ExitCode::failed, "'{}' is GGUF version {}; supported: 2 and 3", label, version);
  }
  return version;
}

}  // namespace

Front read_front(Cursor& cursor, const std::string& label) {
  Front front;
  front.version = read_version(cursor, label);
  front.tensor_count = cursor.number<std::uint64_t>("its number of tensors");
  front.key_count = cursor.number<std::uint64_t>("its number of metadata keys");
  return front;
}

}  // namespace ceiling::gguf
