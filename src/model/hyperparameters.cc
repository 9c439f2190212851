#include "model/hyperparameters.h"

#include <limits>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling {
namespace {

// Far beyond any real model, small enough that no product of two of them overflows 64 bits.
constexpr std::uint32_t kMostLayers = 4096;
constexpr std::uint32_t kMostHeads = 1U << 16U;
constexpr std::uint32_t kMostWidth = 1U << 24U;

// Reads the keys of one architecture.
class KeyReader {
 public:
  KeyReader(const gguf::Metadata& metadata, std::string architecture)
      : metadata_(metadata), architecture_(std::move(architecture)) {}

  std::string key(std::string_view name) const { return architecture_key(architecture_, name); }

  std::uint32_t count(std::string_view name, std::uint32_t most) const {
    return checked(key(name), metadata_.require_u32(key(name)), most);
  }

  std::uint32_t count_or(std::string_view name, std::uint32_t most, std::uint32_t otherwise) const {
    const auto value = metadata_.u32(key(name));
    return value ? checked(key(name), *value, most) : otherwise;
  }

  // One value for each layer; empty: the key is absent.
  std::vector<std::uint32_t> each_layer(std::string_view name, std::uint32_t layers,
                                        std::uint32_t most) const {
    const auto values = metadata_.u32s(key(name));
    if (!values) return {};
    if (values->size() != 1 && values->size() != layers) {
      fail(ExitCode::integrity, "'{}': key '{}' lists {} values, expected one or {} (the layers)",
           metadata_.label(), key(name), values->size(), layers);
    }
    std::vector<std::uint32_t> out(layers, values->front());
    if (values->size() == layers) out = *values;
    for (const std::uint32_t value : out) checked(key(name), value, most);
    return out;
  }

  void require(std::string_view name) const {
    if (metadata_.contains(key(name))) return;
    fail(ExitCode::integrity, "'{}': key '{}' is missing: the model's shape is unknown",
         metadata_.label(), key(name));
  }

 private:
  std::uint32_t checked(const std::string& full_key, std::uint32_t value,
                        std::uint32_t most) const {
    if (value == 0 || value > most) {
      fail(ExitCode::integrity, "'{}': key '{}' is {}, expected 1 to {}", metadata_.label(),
           full_key, value, most);
    }
    return value;
  }

  const gguf::Metadata& metadata_;
  std::string architecture_;
};

float read_position_scale(const gguf::Metadata& metadata, const KeyReader& keys) {
  const auto type = metadata.string(keys.key("rope.scaling.type"));
  if (type && *type == "none") return 1.0F;
  if (type && *type != "linear") {
    fail(ExitCode::failed,
         "'{}': key '{}' is '{}': this RoPE scaling is not supported (supported: none, linear, and "
         "Llama 3's rope_freqs tensor)",
         metadata.label(), keys.key("rope.scaling.type"), printable(*type, 40));
  }
  const float old_factor = positive_or(metadata, keys.key("rope.scale_linear"), 1.0F);
  return 1.0F / positive_or(metadata, keys.key("rope.scaling.factor"), old_factor);
}

void check_heads(const gguf::Metadata& metadata, const KeyReader& keys,
                 const Hyperparameters& out) {
  for (std::uint32_t layer = 0; layer < out.layers; ++layer) {
    if (out.heads[layer] % out.kv_heads[layer] != 0) {
      fail(ExitCode::integrity,
           "'{}': key '{}' is {} in layer {}, which does not divide the {} attention heads",
           metadata.label(), keys.key("attention.head_count_kv"), out.kv_heads[layer], layer,
           out.heads[layer]);
    }
    const std::uint64_t widest = std::max(out.key_width, out.value_width);
    if (out.heads[layer] * widest > kMostWidth) {
      fail(ExitCode::integrity,
           "'{}': {} heads of width {} in layer {}: expected at most {} in all", metadata.label(),
           out.heads[layer], widest, layer, kMostWidth);
    }
  }
  if (out.rotated % 2 != 0 || out.rotated > out.key_width) {
    fail(ExitCode::integrity, "'{}': key '{}' is {}, expected an even number up to {}",
         metadata.label(), keys.key("rope.dimension_count"), out.rotated, out.key_width);
  }
}

// Width of a head where the file does not say.
std::uint32_t default_head_width(const gguf::Metadata& metadata, const KeyReader& keys,
                                 const Hyperparameters& out) {
  if (out.width % out.heads.front() != 0) {
    fail(ExitCode::integrity,
         "'{}': key '{}' is {}, which does not divide the width {}, and '{}' is missing",
         metadata.label(), keys.key("attention.head_count"), out.heads.front(), out.width,
         keys.key("attention.key_length"));
  }
  return out.width / out.heads.front();
}

}  // namespace

std::string architecture_key(std::string_view architecture, std::string_view key) {
  return fmt::format("{}.{}", architecture, key);
}

float positive_or(const gguf::Metadata& metadata, std::string_view key, float otherwise) {
  const auto value = metadata.number(key);
  if (!value) return otherwise;
  if (!(*value >= std::numeric_limits<float>::min() &&
        *value <= std::numeric_limits<float>::max())) {
    fail(ExitCode::integrity, "'{}': key '{}' is {}, expected a positive number", metadata.label(),
         key, *value);
  }
  return static_cast<float>(*value);
}

Hyperparameters read_hyperparameters(const gguf::Metadata& metadata) {
  Hyperparameters out;
  out.architecture = metadata.require_string("general.architecture");
  const KeyReader keys(metadata, out.architecture);
  out.layers = keys.count("block_count", kMostLayers);
  out.width = keys.count("embedding_length", kMostWidth);
  out.context = keys.count("context_length", std::numeric_limits<std::uint32_t>::max());
  for (const auto* name :
       {"attention.head_count", "feed_forward_length", "attention.layer_norm_rms_epsilon"}) {
    keys.require(name);
  }
  out.heads = keys.each_layer("attention.head_count", out.layers, kMostHeads);
  out.kv_heads = keys.each_layer("attention.head_count_kv", out.layers, kMostHeads);
  if (out.kv_heads.empty()) out.kv_heads = out.heads;
  out.feed_forward = keys.each_layer("feed_forward_length", out.layers, kMostWidth);
  const bool says_width = metadata.contains(keys.key("attention.key_length")) &&
                          metadata.contains(keys.key("attention.value_length"));
  const std::uint32_t head_width = says_width ? 0 : default_head_width(metadata, keys, out);
  out.key_width = keys.count_or("attention.key_length", kMostWidth, head_width);
  out.value_width = keys.count_or("attention.value_length", kMostWidth, head_width);
  out.rotated = keys.count_or("rope.dimension_count", kMostWidth, out.key_width);
  out.epsilon = positive_or(metadata, keys.key("attention.layer_norm_rms_epsilon"), 0);
  out.rope_base = positive_or(metadata, keys.key("rope.freq_base"), 10000.0F);
  out.position_scale = read_position_scale(metadata, keys);
  check_heads(metadata, keys, out);
  return out;
}

}  // namespace ceiling
