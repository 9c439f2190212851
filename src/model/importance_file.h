// Importances as llama.cpp's tools read and write them: a GGUF file of type "imatrix", so that both
// programs can be given the same.
#pragma once

#include <string>
#include <string_view>

#include "gguf/file.h"
#include "model/requantise.h"

namespace ceiling {

// Each matrix NAME of the model becomes NAME.in_sum2, [cols, experts] mean squares, and
// NAME.counts, [1, experts] ones; matrices without importances are left out. `text`: what they were
// taken from. Throws Error(failed) where the file cannot be written, and leaves nothing then.
void write_importance(const std::string& path, const gguf::File& model,
                      const Importance& importance, std::string_view text);

}  // namespace ceiling
