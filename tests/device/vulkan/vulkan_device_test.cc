// The suite for any device on Vulkan, with what this device offers and without, and what is
// Vulkan's own. Where there is no device these say so and are skipped; the last needs none.
#include "device/vulkan/vulkan_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "any_device.h"
#include "device/reference/reference_device.h"
#include "device_runner.h"
#include "tiny_runs.h"
#include "vulkan/vulkan_test.h"

namespace ceiling::test {
namespace {

using vulkan::Features;

double exact(const TypeInfo&, std::size_t) { return 5e-3; }
double rounded_where_few(const TypeInfo& type, std::size_t rows) {
  return type.block_elements == 1 || rows > 8 ? 5e-3 : 0.03;  // int8 activations
}

std::vector<DeviceUnderTest> devices() {
  const auto with = [](Features features) {
    return [features] {
      const Features offered = vulkan::offered_features({});
      for (const auto& [wanted, there] : {std::pair(features.subgroups, offered.subgroups),
                                          std::pair(features.int8_dot, offered.int8_dot),
                                          std::pair(features.host_import, offered.host_import)}) {
        if (wanted && !there) fail(ExitCode::failed, "not offered: {}", describe(features));
      }
      return vulkan_device(features);
    };
  };
  return {{.name = "Plain",
           .make = with({}),
           .of_type = exact,
           .quantised_cache = false,
           .experts = false,
           .copies_weights = true,
           // Sums through shared memory, copied weights, no clock.
           .only = {"AgreesWithTheOracleInEveryArchitecture", "AgreesWithTheOracleInEveryType",
                    "IdenticalFromRunToRun", "MultipliesLongRows", "CountsWhatItReadsAndCopies",
                    "ProfileCoversEachStepOnceAndAllOfTheBytes"}},
          {.name = "InPlace",
           .make = with(
               {.host_import = true, .file_pages = true, .subgroups = true, .timestamps = true}),
           .of_type = exact,
           .quantised_cache = false,
           .experts = false},
          {.name = "OwnPages",
           .make = with({.host_import = true, .subgroups = true}),
           .of_type = exact,
           .quantised_cache = false,
           .experts = false,
           .only = {"MixesTypesInOneModel", "CountsWhatItReadsAndCopies"}},
          {.name = "Int8",
           .make = with({.host_import = true,
                         .file_pages = true,
                         .subgroups = true,
                         .int8_dot = true,
                         .timestamps = true}),
           .of_type = rounded_where_few,
           .quantised_cache = false,
           .experts = false,
           // Products of quantised types in few rows.
           .only = {"AgreesWithTheOracleInEveryType", "MixesTypesInOneModel",
                    "IdenticalFromRunToRun", "MultipliesLongRows", "LargeActivationsStayNumbers"}}};
}

INSTANTIATE_TEST_SUITE_P(Vulkan, AnyDevice, testing::ValuesIn(devices()), name_of);

TEST(NoVulkanDevice, TheSuiteHasTheTestsThatDevicesName) {
  for (const DeviceUnderTest& device : devices()) {
    EXPECT_THAT(unknown_tests(device), testing::IsEmpty()) << device.name;
  }
}

class VulkanDevice : public VulkanTest {};

TEST_F(VulkanDevice, IsListed) {
  const auto units = vulkan::units();
  ASSERT_FALSE(units.empty());
  EXPECT_FALSE(units[0].name.empty());
  EXPECT_GT(units[0].memory.value, 0U);
  EXPECT_THAT(device->description(), testing::HasSubstr(units[0].name));
}

TEST_F(VulkanDevice, ThereIsNoDeviceOfThatNumber) {
  try {
    vulkan::make_vulkan_device({.number = 1000});
    ADD_FAILURE() << "there is";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), testing::HasSubstr("1000"));
  }
}

TEST_F(VulkanDevice, SaysWhatDoesNotFit) {
  const Program program = build_program(*TinyModel::make("llama").open());
  const auto store = [&](KvType type, std::uint32_t pages) {
    device->make_kv_store(program, 0, program.steps.size(), type, pages);
  };
  try {
    store(KvType::f16, 2'000'000'000);
    ADD_FAILURE() << "a KV cache beyond the memory was made";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("the KV cache needs"));
    EXPECT_EQ(error.code(), ExitCode::failed);
  }
  EXPECT_THROW(store(KvType::q8_0, 4), Error);
}

TEST_F(VulkanDevice, AStepThatDoesNotEndIsAnError) {
  const auto hasty = std::shared_ptr<Device>(
      vulkan::make_vulkan_device({.validate = true, .patience = Seconds{0}}));
  const auto file = TinyModel::make("llama").open();
  try {
    DeviceRunner(file, hasty).prefill(some_tokens(60), 60);
    GTEST_SKIP() << "the device was done before it was asked";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("no end in sight"));
    EXPECT_EQ(error.code(), ExitCode::failed);
  }
}

TEST_F(VulkanDevice, FeaturesAreChosenByName) {
  const Features offered{.host_import = true, .subgroups = true};
  const auto active = [&](const char* names) {
    setenv("CEILING_VULKAN", names, 1);
    const Features out = vulkan::active_features(offered, {.subgroups = true});
    unsetenv("CEILING_VULKAN");
    return out;
  };
  EXPECT_EQ(active("none"), Features{});
  EXPECT_EQ(active(""), (Features{.subgroups = true}));
  EXPECT_EQ(active("host_import"), (Features{.host_import = true}));
  EXPECT_EQ(active("subgroups,host_import"), offered);
  EXPECT_THROW(active("int8_dot"), Error);
  unsetenv("CEILING_VULKAN");
  EXPECT_THROW(active("speed"), Error);
  unsetenv("CEILING_VULKAN");
}

// What a machine without a driver, or a build without Vulkan, tells.
TEST(NoVulkanDevice, SaysWhatToInstall) {
  try {
    vulkan::make_vulkan_device({});
    GTEST_SKIP() << "there is a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), testing::HasSubstr("install"));
  }
}

}  // namespace
}  // namespace ceiling::test
