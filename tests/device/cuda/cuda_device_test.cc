// The suite for any device on CUDA, and real models. Where there is no device these say so and are
// skipped; the last needs none.
#include "device/cuda/cuda_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "any_device.h"
#include "base/error.h"
#include "cuda/cuda_test.h"
#include "device/reference/reference_device.h"
#include "device_runner.h"
#include "model/tiny_model.h"
#include "model_agreement.h"
#include "tiny_runs.h"

namespace ceiling {
namespace {

std::shared_ptr<Device> cuda_device() { return cuda::make_cuda_device({}); }

// int8 activations where rows are few; float16 where they are many.
double distance_of(const TypeInfo& type, std::size_t rows) {
  return type.block_elements == 1 || rows > 8 ? 5e-3 : 0.03;
}

using test::AnyDevice;
INSTANTIATE_TEST_SUITE_P(Cuda, AnyDevice,
                         testing::Values(test::DeviceUnderTest{.name = "First",
                                                               .make = cuda_device,
                                                               .float32 = 4e-3,
                                                               .of_type = distance_of,
                                                               .same = 4e-3,  // float16 in prompts
                                                               .copies_weights = true}),
                         test::name_of);

class CudaDevice : public test::CudaTest {};

TEST_F(CudaDevice, SaysWhatDoesNotFit) {
  const Program program = build_program(*TinyModel::make("llama").open());
  try {
    device->make_kv_store(program, 0, program.steps.size(), KvType::f16, 2'000'000'000);
    ADD_FAILURE() << "a KV cache beyond the memory was made";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("the KV cache needs"));
    EXPECT_EQ(error.code(), ExitCode::failed);
  }
}

TEST_F(CudaDevice, SmolLm2) {
  test::check_model(device, test::smollm2, "smollm2-135m-q4_1.json", KvType::f16, 0.005);
}
TEST_F(CudaDevice, Gemma3) {
  test::check_model(device, test::gemma3, "gemma3-270m-q4_k_m.json", KvType::f16, 0.005);
}
TEST_F(CudaDevice, SmolLm2WithQuantisedCache) {
  test::check_model(device, test::smollm2, "smollm2-135m-q4_1.json", KvType::q8_0, 0.01);
}

TEST_F(CudaDevice, GreedyTokensAreTheCpusButForNearTies) {
  test::check_greedy(device, test::smollm2, "smollm2-135m-q4_1.json");
  test::check_greedy(device, test::gemma3, "gemma3-270m-q4_k_m.json");
}

// One row at a time, of lengths that are no multiples of what a ring takes at once.
template <typename Model>
void check_single_rows(const Model& model, const std::shared_ptr<Device>& device) {
  const auto tokens = test::some_tokens(3);
  const auto file = model.model().open();
  const Program program = model.program();
  const auto expected =
      test::DeviceRunner(program, file, make_reference_device()).prefill(tokens, 3);
  EXPECT_LT(test::distance(test::DeviceRunner(program, file, device).prefill(tokens, 1), expected),
            0.03);
}

TEST_F(CudaDevice, MultipliesRowsThatWaitInRings) {
  using enum TensorType;
  for (const test::OneProduct& product :
       {test::OneProduct{Q5_K, 300, 4608}, test::OneProduct{Q6_K, 300, 4608},
        test::OneProduct{BF16, 300, 4608}, test::OneProduct{F16, 301, 4384}}) {
    SCOPED_TRACE(name(product.type));
    check_single_rows(product, device);
  }
}

TEST_F(CudaDevice, RunsAWideFeedForward) {
  using enum TensorType;
  using test::WideFeedForward;
  for (const WideFeedForward& part :
       {WideFeedForward{Q4_K, Q4_K, Q6_K}, WideFeedForward{Q4_K, Q6_K, Q4_K},
        WideFeedForward{Q5_K, Q5_K, Q8_0}, WideFeedForward{Q5_K, Q6_K, Q5_K},
        WideFeedForward{Q8_0, Q8_0, Q8_0}, WideFeedForward{BF16, BF16, BF16}}) {
    SCOPED_TRACE(std::string(name(part.gate)) + ", " + std::string(name(part.up)));
    check_single_rows(part, device);
  }
}

// So long that a prompt's panel of float16 weights has a part of each row.
TEST_F(CudaDevice, CutsRowsThatFillAPanel) {
  const test::OneProduct product{TensorType::Q8_0, 2304, 30976};
  const auto file = product.model().open();
  const Program program = product.program();
  const auto tokens = test::some_tokens(12);
  const test::RunnerOptions few{.max_rows = 12};
  const auto expected =
      test::DeviceRunner(program, file, make_reference_device(), few).prefill(tokens, 12);
  EXPECT_LT(
      test::distance(test::DeviceRunner(program, file, device, few).prefill(tokens, 12), expected),
      5e-3);
}

// What a machine without a driver, or a build without CUDA, tells.
TEST(NoCudaDevice, SaysWhatToInstall) {
  try {
    cuda::make_cuda_device({});
    GTEST_SKIP() << "there is a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(),
                testing::AnyOf(testing::HasSubstr("install"), testing::HasSubstr("nvidia-smi")));
  }
}

TEST_F(CudaDevice, ThereIsNoDeviceOfThatNumber) {
  EXPECT_THROW(cuda::make_cuda_device({.number = 1000}), Error);
}

}  // namespace
}  // namespace ceiling
