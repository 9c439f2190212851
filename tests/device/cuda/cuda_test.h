// Tests on the CUDA device: skipped, with the reason, where there is none.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "device/cuda/cuda_device.h"

namespace ceiling::test {

class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    try {
      device = cuda::make_cuda_device({});
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  std::shared_ptr<Device> device;
};

}  // namespace ceiling::test
