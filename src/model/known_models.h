// Published models by the names that people give them: data/models.json. For counting: a name in a
// table of results becomes the Program whose bytes that result read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/shapes.h"

namespace ceiling {

struct KnownModel {
  Shape shape;
  std::vector<std::string> also;  // parts of names, letters and digits only: "llama318b"
  std::string note;               // what is counted otherwise than it is; empty: nothing
};

const std::vector<KnownModel>& known_models();  // those of shapes() first

// The model whose name, or longest other name, is within `text` ("Meta-Llama-3.1-8B-Q4_K_M" holds
// "llama318b"; case and signs do not count). Empty: none is.
const KnownModel* find_known_model(std::string_view text);

// Letters and digits of a name, in lower case.
std::string plain_name(std::string_view text);

}  // namespace ceiling
