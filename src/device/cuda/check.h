// What the CUDA runtime reports, as errors for people.
#pragma once

#include <cuda_runtime_api.h>

#include <string_view>

namespace ceiling::cuda {

// Throws Error(failed) with the cause and the remedy; `doing`: "copying weights".
void check(cudaError_t result, std::string_view doing);

}  // namespace ceiling::cuda
