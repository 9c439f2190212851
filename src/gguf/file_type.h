// The recipes that `general.file_type` names: how a whole file was quantised. It is a label only:
// each tensor says its own type.
// Source: the GGUF specification, `general.file_type`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ceiling::gguf {

std::optional<std::string_view> recipe_of_file_type(std::uint32_t stored);  // 15: "Q4_K_M"
std::optional<std::uint32_t> file_type_of_recipe(std::string_view recipe);

}  // namespace ceiling::gguf
