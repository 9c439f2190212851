// An NVIDIA device: weights are copied to its memory, once (residency `copied`).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "device/device.h"

namespace ceiling::cuda {

struct CudaOptions {
  int number = 0;                  // as CUDA numbers the visible devices
  std::uint64_t memory_bytes = 0;  // of it, for this process; 0: what is free
};

// False where the build had no CUDA compiler.
bool built();

// Throws Error(failed) with the cause and the remedy: not built, no driver, one too old, no device.
std::unique_ptr<Device> make_cuda_device(const CudaOptions& options);

// Bytes that this process may allocate on the device now. Throws as make_cuda_device.
std::uint64_t free_memory(const CudaOptions& options);

// Bytes of these that a compiled Program needs at most beside weights and KV cache.
std::uint64_t workspace_bytes(const Program& program, const CompileOptions& options);

// What streamed weights take besides: room for so many of the largest piece, and so many bytes or
// one piece more.
struct Window {
  std::uint64_t pieces = 0, bytes = 0;
};
Window window();

}  // namespace ceiling::cuda
