// The CPU device against exact float32 passes over two real models.
#include <gtest/gtest.h>

#include "device/cpu/cpu_device.h"
#include "model_agreement.h"

namespace ceiling {
namespace {

using test::check_model;

std::shared_ptr<Device> cpu_device() {
  cpu::CpuOptions options;
  options.isa = active_isa();
  return cpu::make_cpu_device(options);
}

TEST(CpuModels, SmolLm2) {
  check_model(cpu_device(), test::smollm2, "smollm2-135m-q4_1.json", KvType::f16, 0.005);
}
TEST(CpuModels, Gemma3) {
  check_model(cpu_device(), test::gemma3, "gemma3-270m-q4_k_m.json", KvType::f16, 0.005);
}
TEST(CpuModels, SmolLm2WithQuantisedCache) {
  check_model(cpu_device(), test::smollm2, "smollm2-135m-q4_1.json", KvType::q8_0, 0.01);
}

}  // namespace
}  // namespace ceiling
