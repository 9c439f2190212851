// The suite for any device on Vulkan, with what this device offers and without, and what is
// Vulkan's own. Where there is no device these say so and are skipped; the last needs none.
#include "device/vulkan/vulkan_device.h"

#include <fmt/format.h>
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

// Whether weights are read where the file is mapped, with all features on. Asked once: drivers do
// not take being opened and closed without end.
bool in_place() {
  static const bool host_memory = [] {
    try {
      const auto units = vulkan::units();
      return units.empty() || units[0].host_memory;
    } catch (const Error&) {  // not built: the tests will say so
      return true;
    }
  }();
  return host_memory;
}

bool offers(const Features& wanted, const Features& offered) {
  return (!wanted.subgroups || offered.subgroups) && (!wanted.int8_dot || offered.int8_dot) &&
         (!wanted.cooperative || offered.cooperative) &&
         (!wanted.host_import || offered.host_import);
}

std::vector<DeviceUnderTest> devices() {
  const auto with = [](Features features) {
    return [features] {
      static const Features offered = vulkan::offered_features({.validate = watched()});
      if (!offers(features, offered)) {
        fail(ExitCode::failed, "not offered: {}", describe(features));
      }
      return vulkan_device(features);
    };
  };
  const Features in_place_too{
      .host_import = in_place(), .file_pages = in_place(), .subgroups = true, .timestamps = true};
  Features int8 = in_place_too;
  int8.int8_dot = true;
  Features cooperative = in_place_too;
  cooperative.cooperative = true;
  const auto device = [&](std::string name, const Features& features, auto of_type,
                          std::vector<std::string> only = {}) {
    return DeviceUnderTest{.name = std::move(name),
                           .make = with(features),
                           .of_type = of_type,
                           .quantised_cache = false,
                           .copies_weights = !features.host_import,
                           .only = std::move(only)};
  };
  return {device("Plain", {}, exact,  // sums through shared memory, copied weights, no clock
                 {"AgreesWithTheOracleInEveryArchitecture", "AgreesWithTheOracleInEveryType",
                  "IdenticalFromRunToRun", "MultipliesLongRows", "CountsWhatItReadsAndCopies",
                  "ProfileCoversEachStepOnceAndAllOfTheBytes", "RunsExperts"}),
          device("InPlace", in_place_too, exact),
          device("OwnPages", {.host_import = in_place(), .subgroups = true}, exact,
                 {"MixesTypesInOneModel", "CountsWhatItReadsAndCopies"}),
          device("Int8", int8, rounded_where_few), device("Cooperative", cooperative, exact)};
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

// Matrices, and experts, that lie in several bindings.
TEST_F(VulkanDevice, WeightsInPieces) {
  auto& pieces = VulkanDevices::made["in pieces"];
  pieces = vulkan::make_vulkan_device({.binding_bytes = 320 << 10, .validate = watched()});
  const Tokens tokens = some_tokens(12);
  for (const TensorType type : {TensorType::F32, TensorType::Q8_0}) {
    const ExpertShape shape{.width = 256, .hidden = 512, .outer = type, .inner = type};
    const auto experts = expert_model(shape).open();
    const auto dense = wide("qwen3", type).open();
    for (const auto& [program, file] :
         {std::pair(expert_program(shape), experts), std::pair(build_program(*dense), dense)}) {
      const auto expected =
          DeviceRunner(program, file, make_reference_device()).prefill(tokens, 12);
      for (const std::size_t chunk : {1U, 12U}) {
        SCOPED_TRACE(
            fmt::format("{} of {} in chunks of {}", program.architecture, name(type), chunk));
        DeviceRunner runner(program, file, pieces, {.max_rows = 12});
        EXPECT_LT(distance(runner.prefill(tokens, chunk), expected),
                  rounded_where_few(info(type), chunk));
      }
    }
  }
}

// A row at a time, beyond what one workgroup attends to: parts are joined.
TEST_F(VulkanDevice, AnswersInManyPages) {
  Features features = vulkan::offered_features({.validate = watched()});
  const bool int8 = features.int8_dot;
  features.int8_dot = false;  // float32 throughout
  features.cooperative = features.host_import = features.file_pages = false;
  const Tokens tokens = some_tokens(330);
  for (const char* architecture : {"llama", "qwen3", "gemma3"}) {
    SCOPED_TRACE(architecture);
    const auto file = wide(architecture, TensorType::Q8_0).open();
    const RunnerOptions options{.positions = 330, .max_rows = 330};
    const auto expected = DeviceRunner(file, make_reference_device(), options).prefill(tokens, 330);
    const auto error = [&](std::size_t chunk) {
      DeviceRunner runner(file, vulkan_device(features), options);
      return distance(runner.prefill(tokens, chunk), expected);
    };
    features.int8_dot = false;
    EXPECT_LT(error(1), 5e-3);
    features.int8_dot = int8;
    if (!int8) continue;
    EXPECT_LT(error(1), 1.2 * error(2));  // of which each step is a dispatch of its own
  }
}

TEST_F(VulkanDevice, AStepThatDoesNotEndIsAnError) {
  const auto hasty = std::shared_ptr<Device>(
      vulkan::make_vulkan_device({.validate = watched(), .patience = Seconds{0}}));
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
