// Real model shapes without their weights: data/shapes.json.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/program.h"

namespace ceiling {

struct Shape {
  std::string name;          // "7B"
  std::string architecture;  // "llama"
  std::string like;          // the public model whose shape it is
  std::uint32_t layers, width, feed_forward, heads, kv_heads, head_width, vocabulary, context;
  bool tied_embeddings;
  float rope_base;
};

const std::vector<Shape>& shapes();              // embedded from data/shapes.json at build
const Shape& find_shape(std::string_view name);  // throws Error(usage) with the names there are

// File-level recipes: "Q4_K_M" gives each tensor its type as the real recipe does, with fall-backs
// for columns that no block fits. Also every plain type: "F16", "Q8_0", ...
std::vector<std::string_view> recipes();
TensorType recipe_type(std::string_view recipe, const Shape& shape, std::string_view tensor_name,
                       std::uint64_t rows, std::uint64_t cols);

// The Program that a file of this shape and recipe would give, without any file.
Program shape_program(const Shape& shape, std::string_view recipe);

}  // namespace ceiling
