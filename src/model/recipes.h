// How files name their recipe; recipe_type() is in model/shapes.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ceiling {

// The number that GGUF's key general.file_type holds for the recipe. Throws Error(usage) for an
// unknown one.
std::uint32_t recipe_file_type(std::string_view recipe);
std::optional<std::string_view> recipe_of_file_type(std::uint32_t file_type);  // 15: "Q4_K_M"

}  // namespace ceiling
