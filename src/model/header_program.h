// A Program from the front of a file alone.
#pragma once

#include "gguf/header.h"
#include "model/program.h"

namespace ceiling {

// As build_program of a whole file (model/architecture.h).
Program build_program(const gguf::Header& header);

}  // namespace ceiling
