#include "device/cuda/check.h"

#include "base/error.h"

namespace ceiling::cuda {
namespace {

std::string_view remedy(cudaError_t result) {
  switch (result) {
    case cudaErrorMemoryAllocation:
      return "ask for a smaller context (-c) or a lower --device-memory, or end other programs on "
             "the device";
    case cudaErrorInsufficientDriver:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorCompatNotSupportedOnDevice:
      return "install the NVIDIA driver, or a newer one: this build needs one for CUDA 13 (580 or "
             "later)";
    case cudaErrorNoDevice:
      return "no NVIDIA device is visible: check nvidia-smi and CUDA_VISIBLE_DEVICES, or use "
             "--device cpu";
    case cudaErrorDevicesUnavailable:
    case cudaErrorSystemNotReady:
      return "another program holds the device, or it is not ready: end that program, or use "
             "--device cpu";
    case cudaErrorNoKernelImageForDevice:
      return "this build has no code for the device: build with CEILING_CUDA_ARCHITECTURES set to "
             "its compute capability";
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorHardwareStackError:
    case cudaErrorDeviceUninitialized:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorIllegalAddress:
    case cudaErrorUnknown:
      return "the device is lost to this program: start it again, and see the system's log if it "
             "comes back";
    default:
      return "start again; if it comes back, report it with the output of nvidia-smi";
  }
}

}  // namespace

void check(cudaError_t result, std::string_view doing) {
  if (result == cudaSuccess) return;
  cudaGetLastError();  // so that the next call does not report this one
  fail(ExitCode::failed, "cuda: {}: {}: {}", doing, cudaGetErrorString(result), remedy(result));
}

}  // namespace ceiling::cuda
