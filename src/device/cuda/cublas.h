// cuBLAS, if the machine has it: found at run time, so that the program does without.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "device/cuda/kernels/jobs.h"

namespace ceiling::cuda {

class Cublas {
 public:
  // Null where it is not installed or cannot be used, or where CEILING_CUBLAS=off says not to.
  static std::unique_ptr<Cublas> find(cudaStream_t stream);
  ~Cublas();
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  // out = x w^T, or out += x w^T; the job's scale, bias and add are not looked at.
  void multiply(const Gemm& job, bool accumulate) const;

 private:
  struct Functions;
  explicit Cublas(std::unique_ptr<Functions> functions);
  std::unique_ptr<Functions> functions_;
};

}  // namespace ceiling::cuda
