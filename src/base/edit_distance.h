// How far apart two spellings are, for offering the nearest names where one is unknown.
#pragma once

#include <cstddef>
#include <string_view>

namespace ceiling {

// Letters to insert, delete or replace to make one text of the other (Levenshtein). Bytes count,
// case does.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace ceiling
