// The numbers of a model's metadata that all decoder architectures share, checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"

namespace ceiling {

struct Hyperparameters {
  std::string architecture;
  std::uint32_t layers = 0;
  std::uint32_t width = 0;    // of the residual stream
  std::uint32_t context = 0;  // positions the model was trained for
  // One for each layer; some files store a list, most a single number.
  std::vector<std::uint32_t> heads, kv_heads, feed_forward;
  std::uint32_t key_width = 0;    // of one head; queries too
  std::uint32_t value_width = 0;  // of one head
  std::uint32_t rotated = 0;      // elements of a head that positions turn
  float epsilon = 0;              // of the norms
  float rope_base = 0;
  float position_scale = 1;  // 1 / factor of linear scaling
};

// Throws Error(integrity) naming key, value and what was expected, and Error(failed) for a RoPE
// scaling that is not supported (named).
Hyperparameters read_hyperparameters(const gguf::Metadata& metadata);

// "llama.block_count" for architecture "llama" and key "block_count".
std::string architecture_key(std::string_view architecture, std::string_view key);

// A positive finite number, or `otherwise` where the key is absent.
float positive_or(const gguf::Metadata& metadata, std::string_view key, float otherwise);

}  // namespace ceiling
