// The engines that `ceiling lab --engine` asks for.
#pragma once

#include <string>
#include <vector>

#include "lab/planning/engine_cells.h"

namespace ceiling::cli {

// From the flags: engines as --engine names them, names of models as --served gives them. Asks each
// engine what it is, and prints that. Throws Error(usage) for what cannot be meant, Error(failed)
// for an engine that is not there.
std::vector<lab::EngineWish> wanted_engines(const std::vector<std::string>& engines,
                                            const std::vector<std::string>& served);

}  // namespace ceiling::cli
