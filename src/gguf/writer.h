// Writes GGUF version 3: metadata first, then tensors streamed in the order declared.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "os/files.h"
#include "quant/tensor_type.h"

namespace ceiling::gguf {

class Writer {
 public:
  // Nothing is on disk before begin(), and nothing under `path` before finish().
  explicit Writer(std::string path);

  // Keys are written in the order of their first setting; setting one again replaces its value.
  void set_u32(std::string_view key, std::uint32_t value);
  void set_f32(std::string_view key, float value);
  void set_bool(std::string_view key, bool value);
  void set_string(std::string_view key, std::string_view value);
  void set_strings(std::string_view key, std::span<const std::string> values);
  void set_f32s(std::string_view key, std::span<const float> values);
  void set_i32s(std::string_view key, std::span<const std::int32_t> values);
  void copy(std::string_view key, const Value& value);  // with the type it had

  // Declares a tensor; shape[0] = columns. Returns its index. Throws Error(failed): a name that is
  // taken, empty or above 64 bytes; not 1 to 4 dimensions; columns that no block of the type fits.
  std::size_t declare(std::string name, TensorType type, std::span<const std::uint64_t> shape);
  std::uint64_t file_bytes() const;  // of the finished file, with what is declared so far

  // Writes the header and reserves the disk space (throws Error(failed) when it is short).
  // After it: write() each tensor's bytes, in any order and in pieces, from any thread; each byte
  // once.
  void begin();
  void write(std::size_t tensor, std::uint64_t offset, std::span<const std::byte> data);
  void finish();  // checks that every byte was written, syncs, renames

 private:
  struct KeyValue {
    std::string key;
    std::string encoded;  // type and value
  };
  struct Declared {
    std::string name;
    TensorType type;
    std::vector<std::uint64_t> shape;
    std::uint64_t offset = 0;  // from the start of the tensor data
    std::uint64_t bytes = 0;
  };
  void set(std::string_view key, std::string encoded);
  std::string header() const;

  std::string path_;
  std::optional<os::AtomicFile> file_;  // from begin() on
  std::vector<KeyValue> keys_;
  std::vector<Declared> tensors_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> written_;  // bytes of each tensor
  std::uint64_t data_offset_ = 0;
};

}  // namespace ceiling::gguf
