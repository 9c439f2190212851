// Decode on the CUDA device where other kernels take over than those of the smallest models: long
// rows, and positions deep in a text.
#include <gtest/gtest.h>

#include "cuda/cuda_test.h"
#include "device/reference/reference_device.h"
#include "device_runner.h"
#include "tiny_runs.h"

namespace ceiling {
namespace {

using test::DeviceRunner;
using test::distance;
using test::RunnerOptions;
using test::some_tokens;
using test::Tokens;
using test::wide;

class CudaDecode : public test::CudaTest {};

// Rows too long, and too many, for the kernels of the small models: one product by itself.
TEST_F(CudaDecode, MultipliesLongRows) {
  const Tokens tokens = some_tokens(3);
  for (const TensorType type : {TensorType::Q4_K, TensorType::Q6_K, TensorType::Q8_0}) {
    SCOPED_TRACE(name(type));
    const auto file = test::one_product_model(type).open();
    const Program program = test::one_product_program(type);
    const auto expected = DeviceRunner(program, file, make_reference_device()).prefill(tokens, 3);
    DeviceRunner runner(program, file, device);
    EXPECT_LT(distance(runner.prefill(tokens, 1), expected), 0.03);
  }
}

// From a few pages on attention is shared in another way.
TEST_F(CudaDecode, AgreesWithTheOracleDeepInAText) {
  const Tokens tokens = some_tokens(420);
  for (const char* name : {"llama", "gemma3"}) {
    SCOPED_TRACE(name);
    const auto file = wide(name, TensorType::F16).open();
    const RunnerOptions options{.positions = 512};
    const auto expected = DeviceRunner(file, make_reference_device(), options).prefill(tokens, 60);
    for (const std::size_t chunk : {60U, 1U}) {
      DeviceRunner runner(file, device, options);
      const auto actual = runner.prefill(tokens, chunk);
      EXPECT_LT(distance(actual, expected), 5e-3) << chunk;
      DeviceRunner again(file, device, options);
      EXPECT_EQ(again.prefill(tokens, chunk), actual) << chunk;
    }
  }
}

}  // namespace
}  // namespace ceiling
