// Builds GGUF bytes field by field, sound or not, independently of gguf/writer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::gguf {

class FileBytes {
 public:
  template <typename Number>
  FileBytes& number(Number value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  FileBytes& u32(std::uint32_t value) { return number(value); }
  FileBytes& u64(std::uint64_t value) { return number(value); }
  FileBytes& text(std::string_view value) {
    u64(value.size());
    out_ += value;
    return *this;
  }
  FileBytes& raw(std::string_view value) {
    out_ += value;
    return *this;
  }
  FileBytes& header(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    return raw("GGUF").u32(version).u64(tensors).u64(keys);
  }
  FileBytes& key(std::string_view name, std::uint32_t type) { return text(name).u32(type); }
  FileBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                    std::uint32_t type, std::uint64_t offset) {
    text(name).u32(static_cast<std::uint32_t>(shape.size()));
    for (const auto dimension : shape) u64(dimension);
    return u32(type).u64(offset);
  }
  // Zeros up to a multiple of 32, then as many more as asked.
  FileBytes& data(std::size_t bytes) {
    out_.resize((out_.size() + 31) / 32 * 32 + bytes);
    return *this;
  }
  std::size_t size() const { return out_.size(); }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(out_)); }

 private:
  std::string out_;
};

}  // namespace ceiling::gguf
