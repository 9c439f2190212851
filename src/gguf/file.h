// A GGUF file (versions 2 and 3), mapped read-only and fully validated before use: counts, lengths,
// offsets, alignment, overflow, duplicate keys and tensors, unknown types, truncation.
// Source: GGUF specification, ggml project, docs/gguf.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"
#include "quant/tensor_type.h"

namespace ceiling::gguf {

struct TensorInfo {
  std::string name;
  TensorType type = TensorType::F32;
  std::uint32_t dimensions = 0;          // 1..4
  std::array<std::uint64_t, 4> shape{};  // as stored: shape[0] = columns (contiguous); unused = 1
  std::uint64_t offset = 0;              // from the start of the file
  std::uint64_t bytes = 0;
  std::uint64_t cols() const { return shape[0]; }
  std::uint64_t rows() const { return shape[1] * shape[2] * shape[3]; }
  std::uint64_t elements() const { return cols() * rows(); }
};

class File {
 public:
  // Opens, maps and validates. Throws Error(failed) if it cannot be read, Error(integrity) naming
  // the field, its value and what was expected if it is not a sound GGUF file.
  static std::shared_ptr<const File> open(const std::string& path);
  // The same over bytes in memory that outlive the File (tests, fuzzing).
  static std::shared_ptr<const File> parse(std::span<const std::byte> bytes, std::string label);

  virtual ~File() = default;
  std::uint32_t version() const { return version_; }
  const Metadata& metadata() const { return metadata_; }
  std::span<const TensorInfo> tensors() const { return tensors_; }
  const TensorInfo* find(std::string_view name) const;              // nullptr: absent
  std::span<const std::byte> bytes() const { return bytes_; }       // the whole mapping
  std::span<const std::byte> data(const TensorInfo& tensor) const;  // inside the mapping
  // What was read of the file so far, and will not be again soon, leaves this process's memory.
  virtual void release(std::span<const std::byte> /*part*/) const {}
  // From here on the bytes are in memory of this process's own, where they were: read once, and no
  // longer in the page cache. Nobody may read them meanwhile. Throws Error(failed): no room.
  virtual void own_pages() const {}
  const std::string& label() const { return label_; }  // path, for messages
  std::uint64_t alignment() const { return alignment_; }
  std::uint64_t data_offset() const { return data_offset_; }

 protected:
  File() = default;
  void parse_all();
  std::uint32_t version_ = 0;
  std::uint64_t alignment_ = 32;
  std::uint64_t data_offset_ = 0;
  Metadata metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::uint32_t> by_name_;  // indices into tensors_, sorted by name
  std::span<const std::byte> bytes_;
  std::string label_;
};

}  // namespace ceiling::gguf
