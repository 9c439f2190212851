// A model's tensors by name, without their bytes: of a file, or of a shape that has no file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "gguf/file.h"
#include "quant/tensor_type.h"

namespace ceiling {

struct TensorShape {
  TensorType type = TensorType::F32;
  std::uint64_t cols = 0, rows = 1, groups = 1;
  std::uint32_t dimensions = 2;  // as stored: 1 for vectors, 3 for grouped matrices
};

using TensorTable = std::map<std::string, TensorShape, std::less<>>;

TensorTable tensor_table(const gguf::File& file);
TensorTable tensor_table(std::span<const gguf::TensorInfo> tensors, std::string_view label);

}  // namespace ceiling
