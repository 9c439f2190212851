// What people read when a device fails. Needs no device: the runtime's codes are enough.
#ifdef CEILING_CUDA_BUILT

#include "device/cuda/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace ceiling::cuda {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string message_of(cudaError_t result) {
  try {
    check(result, "copying weights");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    return error.what();
  }
  return "no error";
}

TEST(CudaCheck, SuccessIsNoError) { EXPECT_EQ(message_of(cudaSuccess), "no error"); }

TEST(CudaCheck, EachFailureHasItsCauseAndItsRemedy) {
  const struct {
    cudaError_t result;
    const char* remedy;
  } cases[] = {
      {cudaErrorMemoryAllocation, "smaller context (-c)"},
      {cudaErrorInsufficientDriver, "580 or later"},
      {cudaErrorSystemDriverMismatch, "580 or later"},
      {cudaErrorNoDevice, "nvidia-smi and CUDA_VISIBLE_DEVICES"},
      {cudaErrorDevicesUnavailable, "another program holds the device"},
      {cudaErrorNoKernelImageForDevice, "CEILING_CUDA_ARCHITECTURES"},
      {cudaErrorECCUncorrectable, "the device is lost to this program"},
      {cudaErrorLaunchFailure, "the device is lost to this program"},
      {cudaErrorIllegalAddress, "the device is lost to this program"},
      {cudaErrorLaunchTimeout, "the device is lost to this program"},
      {cudaErrorInvalidValue, "report it with the output of nvidia-smi"},
  };
  for (const auto& [result, remedy] : cases) {
    const std::string message = message_of(result);
    EXPECT_THAT(message, StartsWith("cuda: copying weights: "));
    EXPECT_THAT(message, HasSubstr(cudaGetErrorString(result)));
    EXPECT_THAT(message, HasSubstr(remedy));
  }
}

}  // namespace
}  // namespace ceiling::cuda

#endif
