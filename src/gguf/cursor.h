// Reads numbers and strings from untrusted bytes, one after another, never beyond their end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "gguf/truncated.h"

namespace ceiling::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place, little-endian");

class Cursor {
 public:
  // label: the file's name, for messages. Both arguments outlive the cursor.
  Cursor(std::span<const std::byte> bytes, const std::string& label)
      : bytes_(bytes), label_(label) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return bytes_.size() - position_; }

  // `what` names the field in messages: "key 12", "tensor 3 of 290: name".
  template <typename Number>
  Number number(std::string_view what) {
    Number value{};
    const std::span<const std::byte> raw = take(sizeof(Number), what);
    std::memcpy(&value, raw.data(), sizeof(Number));
    return value;
  }

  // A length of 64 bits, then as many bytes: a view of them.
  std::string_view string(std::string_view what) {
    const auto length = number<std::uint64_t>(what);
    const std::span<const std::byte> raw = take(length, what);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }

  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > remaining()) {
      throw Truncated(fmt::format(
          "'{}': {} needs {} bytes at offset {}, but the file ends after {} more: it is "
          "truncated or damaged; fetch it again",
          label_, what, count, position_, remaining()));
    }
    const auto raw = bytes_.subspan(position_, count);
    position_ += count;
    return raw;
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& label_;
  std::uint64_t position_ = 0;
};

}  // namespace ceiling::gguf
