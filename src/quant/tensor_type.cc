#include "quant/tensor_type.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "quant/blocks.h"

namespace ceiling {
namespace {

using enum TensorType;

constexpr std::array kTypes = {
    TypeInfo{F32, "F32", 1, 4},
    TypeInfo{F16, "F16", 1, 2},
    TypeInfo{BF16, "BF16", 1, 2},
    TypeInfo{Q4_0, "Q4_0", kSmallBlock, sizeof(BlockQ4_0)},
    TypeInfo{Q4_1, "Q4_1", kSmallBlock, sizeof(BlockQ4_1)},
    TypeInfo{Q5_0, "Q5_0", kSmallBlock, sizeof(BlockQ5_0)},
    TypeInfo{Q5_1, "Q5_1", kSmallBlock, sizeof(BlockQ5_1)},
    TypeInfo{Q8_0, "Q8_0", kSmallBlock, sizeof(BlockQ8_0)},
    TypeInfo{Q2_K, "Q2_K", kSuperBlock, sizeof(BlockQ2_K)},
    TypeInfo{Q3_K, "Q3_K", kSuperBlock, sizeof(BlockQ3_K)},
    TypeInfo{Q4_K, "Q4_K", kSuperBlock, sizeof(BlockQ4_K)},
    TypeInfo{Q5_K, "Q5_K", kSuperBlock, sizeof(BlockQ5_K)},
    TypeInfo{Q6_K, "Q6_K", kSuperBlock, sizeof(BlockQ6_K)},
    TypeInfo{IQ4_NL, "IQ4_NL", kSmallBlock, sizeof(BlockIQ4_NL)},
    TypeInfo{IQ4_XS, "IQ4_XS", kSuperBlock, sizeof(BlockIQ4_XS)},
};

struct Unsupported {
  std::uint32_t stored;
  std::string_view name;
};
constexpr std::array kUnsupported = {
    Unsupported{9, "Q8_1"},    Unsupported{15, "Q8_K"},    Unsupported{16, "IQ2_XXS"},
    Unsupported{17, "IQ2_XS"}, Unsupported{18, "IQ3_XXS"}, Unsupported{19, "IQ1_S"},
    Unsupported{21, "IQ3_S"},  Unsupported{22, "IQ2_S"},   Unsupported{24, "I8"},
    Unsupported{25, "I16"},    Unsupported{26, "I32"},     Unsupported{27, "I64"},
    Unsupported{28, "F64"},    Unsupported{29, "IQ1_M"},   Unsupported{34, "TQ1_0"},
    Unsupported{35, "TQ2_0"},  Unsupported{39, "MXFP4"},   Unsupported{40, "NVFP4"},
    Unsupported{41, "Q1_0"},
};

}  // namespace

std::span<const TypeInfo> all_types() { return kTypes; }

std::optional<TensorType> tensor_type_from_file(std::uint32_t stored) {
  for (const TypeInfo& entry : kTypes) {
    if (static_cast<std::uint32_t>(entry.type) == stored) return entry.type;
  }
  return std::nullopt;
}

std::optional<TensorType> tensor_type_from_name(std::string_view name) {
  for (const TypeInfo& entry : kTypes) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

std::string_view unsupported_type_name(std::uint32_t stored) {
  const auto* found = std::ranges::find(kUnsupported, stored, &Unsupported::stored);
  return found == kUnsupported.end() ? std::string_view{} : found->name;
}

std::string supported_type_names() {
  std::string names;
  for (const TypeInfo& entry : kTypes) {
    if (!names.empty()) names += ", ";
    names += entry.name;
  }
  return names;
}

const TypeInfo& info(TensorType type) {
  const auto* found = std::ranges::find(kTypes, type, &TypeInfo::type);
  assert(found != kTypes.end());
  return *found;
}

std::string_view name(TensorType type) { return info(type).name; }

std::size_t row_bytes(TensorType type, std::size_t cols) {
  const TypeInfo& layout = info(type);
  assert(cols % layout.block_elements == 0);
  return cols / layout.block_elements * layout.block_bytes;
}

double bits_per_weight(TensorType type) {
  const TypeInfo& layout = info(type);
  return 8.0 * layout.block_bytes / layout.block_elements;
}

}  // namespace ceiling
