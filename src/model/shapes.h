// Real model shapes without their weights: data/shapes.json.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/program.h"

namespace ceiling {

// A mixture of experts in place of each layer's feed-forward part.
struct ExpertShape {
  std::uint32_t count = 0;  // 0: dense
  std::uint32_t used = 0;   // for each token
  std::uint32_t feed_forward = 0;
  std::uint32_t shared_feed_forward = 0;  // of the expert that all tokens use; 0: none
};

struct Shape {
  std::string name;          // "7B"
  std::string architecture;  // "llama"
  std::string like;          // the public model whose shape it is
  std::uint32_t layers, width, feed_forward, heads, kv_heads, head_width, vocabulary, context;
  bool tied_embeddings;
  float rope_base;
  std::uint32_t window = 0;         // of most layers, in positions; 0: all layers see everything
  std::uint32_t global_period = 1;  // every such layer sees everything
  ExpertShape experts = {};
};

const std::vector<Shape>& shapes();              // embedded from data/shapes.json at build
const Shape& find_shape(std::string_view name);  // throws Error(usage) with the names there are

// File-level recipes: "Q4_K_M" gives each tensor its type as the real recipe does, with fall-backs
// for columns that no block fits. Also every plain type: "F16", "Q8_0", ...
std::vector<std::string_view> recipes();
// Whether the columns' importances are known: some recipes lift other tensors then.
enum class Importances : std::uint8_t { unknown, known };
TensorType recipe_type(std::string_view recipe, const Shape& shape, std::string_view tensor_name,
                       std::uint64_t rows, std::uint64_t cols,
                       Importances importances = Importances::unknown);

// The Program that a file of this shape and recipe would give, without any file. Shapes with
// experts are for counting: no device runs them yet.
Program shape_program(const Shape& shape, std::string_view recipe);

}  // namespace ceiling
