// How far apart two spellings are, for offering the nearest names where one is unknown.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace ceiling {

// Letters to insert, delete or replace to make one text of the other (Levenshtein). Bytes count,
// case does.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The three names with the least distances, nearest first; in the given order where equal.
std::vector<std::string_view> nearest_three(
    std::vector<std::pair<std::size_t, std::string_view>> names_by_distance);

}  // namespace ceiling
