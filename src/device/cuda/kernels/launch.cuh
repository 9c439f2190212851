// Launching with overlap: a kernel may begin while the one before it ends. Each kernel calls
// wait_for_previous() before it touches activations; weights it may read before that.
#pragma once

#include <cuda_runtime.h>

#include "device/cuda/check.h"
#include "device/cuda/kernels/jobs.h"

namespace ceiling::cuda {

__device__ inline void let_next_start() {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}
__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

template <typename... Parameters, typename... Arguments>
void launch(const Stage& stage, void (*kernel)(Parameters...), dim3 grid, unsigned threads,
            std::size_t shared, Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared;
  config.stream = stage.stream;
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &overlap;
  config.numAttrs = stage.overlap ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...),
        "starting a kernel");
}

// Blocks of `threads` for `count` elements.
inline unsigned blocks_for(std::uint64_t count, unsigned threads) {
  return static_cast<unsigned>((count + threads - 1) / threads);
}

__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xFFFFFFFFu, value, offset);
  }
  return value;
}

// The sum over a block of whole warps, in every thread. `scratch`: 32 floats of shared memory.
__device__ inline float block_sum(float value, float* scratch) {
  value = warp_sum(value);
  const unsigned warp = threadIdx.x / 32;
  __syncthreads();
  if (threadIdx.x % 32 == 0) scratch[warp] = value;
  __syncthreads();
  const unsigned warps = blockDim.x / 32;
  float sum = 0;
  for (unsigned i = 0; i < warps; ++i) sum += scratch[i];
  return sum;
}

__device__ inline float activate(Activation activation, float x) {
  if (activation == Activation::silu) return x / (1.0F + __expf(-x));
  const float inner = 0.7978845608028654F * (x + 0.044715F * x * x * x);
  return 0.5F * x * (1.0F + tanhf(inner));
}

}  // namespace ceiling::cuda
