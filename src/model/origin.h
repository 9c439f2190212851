// What a file's weights are stored as, and whether they have been quantised before.
#pragma once

#include <string>
#include <string_view>

#include "gguf/file.h"

namespace ceiling {

// The recipe that the file names ("Q4_K_M"); where it names none that its matrices could follow,
// the type of most of their weights ("Q4_K"). Throws Error(failed): the file has no matrices.
std::string storage_name(const gguf::File& file);

// A file that `quantize` makes keeps under this key what its source was quantised to, so that
// writing the weights as floats does not hide what they have lost.
inline constexpr std::string_view kQuantisedFromKey = "ceiling.quantised_from";

// What the weights were quantised to, here or in a file that this one was made from ("Q4_1"); of
// several, the first. Empty: as far as the file tells, they never were.
std::string quantised_origin(const gguf::File& file);

}  // namespace ceiling
