// MoltenVK, as its documents describe it: whether all that this device cannot do without is there.
// No Apple hardware has run it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#ifdef CEILING_VULKAN_BUILT
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "device/vulkan/detector.h"
#include "device/vulkan/pipelines.h"

namespace ceiling::test {
namespace {

nlohmann::json moltenvk() {
  std::ifstream in(CEILING_TEST_DATA "/moltenvk_features.json");
  return nlohmann::json::parse(in);
}

TEST(MoltenVk, HasAllThatHasNoFallBack) {
  const nlohmann::json recorded = moltenvk();
  EXPECT_GE(recorded["api_version"].get<std::vector<int>>(), (std::vector<int>{1, 2}));
  VkPhysicalDeviceLimits limits{};
  limits.maxPerStageDescriptorStorageBuffers =
      recorded["limits"]["maxPerStageDescriptorStorageBuffers"];
  EXPECT_NO_THROW(vulkan::check_limits(limits));
  limits.maxPerStageDescriptorStorageBuffers = 4;  // the least that Vulkan allows
  EXPECT_THROW(vulkan::check_limits(limits), Error);
  EXPECT_GE(recorded["limits"]["maxPushConstantsSize"], vulkan::kMostParameterBytes);
}

TEST(MoltenVk, OffersTheExtensionsThatAreUsedWhereTheyAre) {
  const auto offered = moltenvk()["device_extensions"].get<std::vector<std::string>>();
  for (const std::string_view extension : vulkan::known_extensions()) {
    EXPECT_THAT(offered, testing::Contains(std::string(extension)));
  }
}

}  // namespace
}  // namespace ceiling::test
#endif
