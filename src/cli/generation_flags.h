// The flags that say how an answer is chosen and how long it may be: the same in `run` and `chat`.
#pragma once

#include "engine/generate.h"

namespace CLI {
class App;
}

namespace ceiling::cli {

void add_generation_flags(CLI::App& command, GenerateOptions& options);

}  // namespace ceiling::cli
