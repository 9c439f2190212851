// What a file of a shape would hold: the keys and tensors from which its Program is built, and
// which `synth` writes.
#pragma once

#include <string_view>

#include "gguf/metadata.h"
#include "model/shapes.h"
#include "model/tensor_table.h"

namespace ceiling {

// The keys of general.* and of the architecture. Strings are views into `shape`.
gguf::Metadata shape_metadata(const Shape& shape);

// Matrices by the recipe, vectors in F32. Throws Error(usage) for an unknown recipe.
TensorTable shape_tensors(const Shape& shape, std::string_view recipe);

}  // namespace ceiling
