// From a cell to the model file that it needs.
#pragma once

#include <functional>
#include <string>

#include "lab/plan/cell.h"
#include "lab/plan/model_file.h"
#include "model/program.h"

namespace ceiling::lab {

// Where the cell's file is or will be. Synthetic models are kept in the cache's models folder,
// under a name that says what they are.
std::string model_path(const Cell& cell);

// The same, made first if it is synthetic and missing. `progress(done, total)` in bytes. Throws
// Error(failed) for a file that is missing or a disk that is too small.
std::string prepare_model(const Cell& cell,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress);

std::uint64_t model_file_bytes(const Cell& cell);  // of the file, or of what it will be

// The cell's Program: from the file, or from the shape alone.
Program cell_program(const Cell& cell);

// The file's size, and its hash (`progress` is told the bytes done).
ModelFile identify(const Cell& cell, const std::function<void(std::uint64_t)>& progress = {});

}  // namespace ceiling::lab
