// A Vulkan device for tests, watched by the validation layer: what it says fails the test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "device/vulkan/vulkan_device.h"

namespace ceiling::test {

inline bool watched() { return std::getenv("CEILING_TEST_UNWATCHED") == nullptr; }

// One device for all tests of a process, so that each shader is compiled once. They go before the
// process ends: drivers and layers may be gone by the time that its statics are.
class VulkanDevices : public testing::Environment {
 public:
  void TearDown() override { made.clear(); }
  static inline std::map<std::string, std::shared_ptr<Device>> made;
};

// Empty features: what would be used here. CEILING_TEST_UNWATCHED: without the validation layer,
// for what is newer than the layer.
inline std::shared_ptr<Device> vulkan_device(const std::optional<vulkan::Features>& features = {}) {
  auto& device = VulkanDevices::made[features ? vulkan::describe(*features) : ""];
  if (!device) device = vulkan::make_vulkan_device({.features = features, .validate = watched()});
  return device;
}

class VulkanTest : public testing::Test {
 protected:
  void SetUp() override {
    try {
      device = vulkan_device();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  std::shared_ptr<Device> device;
};

// At the end of each test: fails it where the validation layer has found something.
class SilentValidation : public testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const testing::TestInfo&) override {
    const auto messages = vulkan::validation_messages();
    for (; reported_ < messages.size(); ++reported_) ADD_FAILURE() << messages[reported_];
  }

 private:
  std::size_t reported_ = 0;
};

inline const bool listens = [] {
  testing::AddGlobalTestEnvironment(new VulkanDevices);
  testing::UnitTest::GetInstance()->listeners().Append(new SilentValidation);
  return true;
}();

}  // namespace ceiling::test
