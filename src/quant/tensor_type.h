// The tensor types of GGUF that Ceiling reads, their block sizes and names.
// Source: the GGUF specification (ggml project, docs/gguf.md) and the public block layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ceiling {

// Values are those stored in files.
enum class TensorType : std::uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  IQ4_NL = 20,
  IQ4_XS = 23,
  BF16 = 30,
};

struct TypeInfo {
  TensorType type;
  std::string_view name;         // "Q4_K"
  std::uint32_t block_elements;  // weights in a block: 1, 32 or 256
  std::uint32_t block_bytes;     // bytes of a block as stored
};

std::span<const TypeInfo> all_types();
std::optional<TensorType> tensor_type_from_file(std::uint32_t stored);  // empty: unsupported
std::optional<TensorType> tensor_type_from_name(std::string_view name);
// The name of a type that GGUF defines and Ceiling does not read ("IQ2_XS"); empty: not defined.
std::string_view unsupported_type_name(std::uint32_t stored);
std::string supported_type_names();  // "F32, F16, ...": for messages
const TypeInfo& info(TensorType type);
std::string_view name(TensorType type);

// Bytes of a row of `cols` weights; cols must be a multiple of block_elements.
std::size_t row_bytes(TensorType type, std::size_t cols);
double bits_per_weight(TensorType type);

}  // namespace ceiling
