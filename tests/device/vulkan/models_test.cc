// Vulkan against exact float32 passes over two real models, and against the CPU. On software they
// take minutes: `./run check` runs them.
#include <gtest/gtest.h>

#include "model_agreement.h"
#include "vulkan/vulkan_test.h"

namespace ceiling::test {
namespace {

class VulkanModels : public VulkanTest {
 protected:
  // Software takes half a minute for each text.
  static std::size_t texts() {
    return vulkan::units().at(0).kind == vulkan::UnitKind::processor ? 2 : SIZE_MAX;
  }
};

TEST_F(VulkanModels, SmolLm2) {
  check_model(device, smollm2, "smollm2-135m-q4_1.json", KvType::f16, 0.005);
}
TEST_F(VulkanModels, Gemma3) {
  check_model(device, gemma3, "gemma3-270m-q4_k_m.json", KvType::f16, 0.005);
}
TEST_F(VulkanModels, SmolLm2InInt8) {
  const vulkan::Features offered = vulkan::offered_features({});
  if (!offered.int8_dot) GTEST_SKIP() << "the device has no int8 dot products";
  check_greedy(vulkan_device(offered), smollm2, "smollm2-135m-q4_1.json", texts());
}
TEST_F(VulkanModels, GreedyTokensAreTheCpusButForNearTies) {
  check_greedy(device, smollm2, "smollm2-135m-q4_1.json", texts());
  check_greedy(device, gemma3, "gemma3-270m-q4_k_m.json", texts());
}

}  // namespace
}  // namespace ceiling::test
