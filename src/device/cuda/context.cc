#include "device/cuda/context.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/units.h"
#include "device/cuda/check.h"

namespace ceiling::cuda {

Context::Context(int number) {
  int count = 0;
  check(cudaGetDeviceCount(&count), "looking for devices");
  if (number < 0 || number >= count) {
    fail(ExitCode::failed, "cuda: device {} of {}: devices are numbered from 0", number, count);
  }
  check(cudaSetDevice(number), "choosing the device");
  check(cudaSetDeviceFlags(cudaDeviceScheduleSpin), "choosing how to wait");
  check(cudaGetDeviceProperties(&properties_, number), "asking for the device's properties");
  check(cudaDriverGetVersion(&driver_), "asking for the driver's version");
  if (properties_.major < 8) {
    fail(ExitCode::failed,
         "cuda: {} has compute capability {}.{}, expected 8.0 or later: use --device cpu",
         properties_.name, properties_.major, properties_.minor);
  }
  check(cudaStreamCreateWithFlags(&stage_.stream, cudaStreamNonBlocking), "making a stream");
  stage_.multiprocessors = static_cast<unsigned>(properties_.multiProcessorCount);
  stage_.shared_limit =
      properties_.sharedMemPerBlockOptin - 1024;  // kernels have some of their own
  stage_.overlap = properties_.major >= 9;
  cublas_ = Cublas::find(stage_.stream);
  copies_ = std::make_unique<StagedCopy>(stage_);
}

Context::~Context() {
  cublas_.reset();
  copies_.reset();
  if (stage_.stream != nullptr) cudaStreamDestroy(stage_.stream);
}

std::string Context::description() const {
  return fmt::format("{}, {}, driver for CUDA {}.{}, prompts by {}", properties_.name,
                     format_capacity({properties_.totalGlobalMem}), driver_ / 1000,
                     driver_ % 1000 / 10, cublas_ ? "cuBLAS" : "own kernels");
}

std::string Context::bus_address() const {
  return fmt::format("{:08x}:{:02x}:{:02x}.0", properties_.pciDomainID, properties_.pciBusID,
                     properties_.pciDeviceID);
}

void Context::wait() const { check(cudaStreamSynchronize(stage_.stream), "running kernels"); }

}  // namespace ceiling::cuda
