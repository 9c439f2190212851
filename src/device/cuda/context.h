// One device as its stores and executables share it: the stream on which all of its work goes.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

#include "device/cuda/cublas.h"
#include "device/cuda/kernels/jobs.h"
#include "device/cuda/scratch.h"
#include "device/cuda/staged_copy.h"

namespace ceiling::cuda {

class Context {
 public:
  explicit Context(int number);  // throws Error(failed)
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Stage& stage() const { return stage_; }
  cudaStream_t stream() const { return stage_.stream; }
  const Cublas* cublas() const { return cublas_.get(); }  // null: not installed
  std::string description() const;
  std::string bus_address() const;  // "00000000:4e:00.0"
  Scratch& scratch() { return scratch_; }
  StagedCopy& copies() { return *copies_; }
  void wait() const;  // for all work on the stream

 private:
  cudaDeviceProp properties_{};
  int driver_ = 0;
  Stage stage_;
  std::unique_ptr<Cublas> cublas_;
  Scratch scratch_;
  std::unique_ptr<StagedCopy> copies_;
};

}  // namespace ceiling::cuda
