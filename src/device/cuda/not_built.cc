// In place of the device where CMake found no CUDA compiler.
#include "base/error.h"
#include "device/cuda/cuda_device.h"

namespace ceiling::cuda {
namespace {

[[noreturn]] void not_there() {
  fail(ExitCode::failed,
       "this build has no CUDA device: install the CUDA toolkit (13.0 or later, nvcc on the PATH) "
       "and build again, or use --device cpu");
}

}  // namespace

bool built() { return false; }
std::unique_ptr<Device> make_cuda_device(const CudaOptions&) { not_there(); }
std::uint64_t free_memory(const CudaOptions&) { not_there(); }
std::uint64_t workspace_bytes(const Program&, const CompileOptions&) { not_there(); }
Window window() { not_there(); }

}  // namespace ceiling::cuda
