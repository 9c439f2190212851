// Facts of a file-level recipe that only writers need; recipe_type() is in model/shapes.h.
#pragma once

#include <cstdint>
#include <string_view>

namespace ceiling {

// The number that GGUF's key general.file_type holds for the recipe. Throws Error(usage) for an
// unknown one.
std::uint32_t recipe_file_type(std::string_view recipe);

}  // namespace ceiling
