// What a GGUF file says about its model, at a glance.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "quant/tensor_type.h"

namespace ceiling::gguf {

struct TypeShare {
  TensorType type = TensorType::F32;
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;  // weights
  std::uint64_t bytes = 0;
};

struct Summary {
  // As the file has them; empty where it does not say.
  std::string architecture;
  std::string name;
  std::string licence;
  std::uint64_t elements = 0;      // weights of all tensors: the parameters
  std::uint64_t bytes = 0;         // of all tensors
  std::vector<TypeShare> by_type;  // most bytes first
};

// Throws Error(integrity) where a key that it reads has the wrong type.
Summary summarise(const File& file);

}  // namespace ceiling::gguf
