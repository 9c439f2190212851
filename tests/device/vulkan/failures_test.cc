// What drivers do when things go wrong, without such a driver: this program's own definitions of a
// few Vulkan functions stand before the loader's. They hand on to it, but for what a test injects.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "device/cpu/cpu_device.h"
#include "device_runner.h"
#include "tiny_runs.h"
#include "vulkan/vulkan_test.h"

#ifdef CEILING_VULKAN_BUILT
#include <vulkan/vulkan.h>

namespace ceiling::test {
namespace {

struct Injected {
  std::vector<VkResult> waits;  // of the next waits for a step, which ends first all the same
  bool at_once = false;         // ... unless this is set
  bool no_memory = false;       // for what is smaller than the buffer that weights pass through
  bool no_devices = false;
  bool no_start = false;
  bool discrete = false;                 // of every device
  bool only_anonymous = false;           // as AMD's driver on Linux
  std::uint64_t largest_import = ~0ULL;  // bytes
};
Injected injected;

struct Count {
  int submitted = 0, freed = 0, devices_destroyed = 0;
};
Count count;

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool of_a_file(const void* pointer) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::string flags;
    std::string offset;
    std::string device;
    std::uint64_t inode = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> flags >> offset >> device >>
        std::dec >> inode;
    const auto at = reinterpret_cast<std::uintptr_t>(pointer);
    if (at >= begin && at < end) return inode != 0;
  }
  return false;
}

const VkImportMemoryHostPointerInfoEXT* import_of(const VkMemoryAllocateInfo* info) {
  const auto* next_info = static_cast<const VkBaseInStructure*>(info->pNext);
  for (; next_info != nullptr; next_info = next_info->pNext) {
    if (next_info->sType == VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT) {
      return reinterpret_cast<const VkImportMemoryHostPointerInfoEXT*>(next_info);
    }
  }
  return nullptr;
}

}  // namespace
}  // namespace ceiling::test

using namespace ceiling::test;

extern "C" {

VkResult vkWaitForFences(VkDevice device, uint32_t fences, const VkFence* fence, VkBool32 all,
                         uint64_t nanoseconds) {
  static auto* const real = next<decltype(vkWaitForFences)>("vkWaitForFences");
  if (injected.waits.empty()) return real(device, fences, fence, all, nanoseconds);
  const VkResult result = injected.waits.front();
  injected.waits.erase(injected.waits.begin());
  if (injected.at_once) return result;
  const VkResult ended = real(device, fences, fence, all, UINT64_MAX);
  return ended == VK_SUCCESS ? result : ended;
}

VkResult vkQueueSubmit(VkQueue queue, uint32_t submits, const VkSubmitInfo* info, VkFence fence) {
  static auto* const real = next<decltype(vkQueueSubmit)>("vkQueueSubmit");
  ++count.submitted;
  return real(queue, submits, info, fence);
}

VkResult vkAllocateMemory(VkDevice device, const VkMemoryAllocateInfo* info,
                          const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  static auto* const real = next<decltype(vkAllocateMemory)>("vkAllocateMemory");
  if (const auto* import = import_of(info)) {
    if ((injected.only_anonymous && of_a_file(import->pHostPointer)) ||
        info->allocationSize > injected.largest_import) {
      return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    }
  } else if (injected.no_memory && info->allocationSize < (32U << 20)) {
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  return real(device, info, callbacks, memory);
}

void vkFreeMemory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  static auto* const real = next<decltype(vkFreeMemory)>("vkFreeMemory");
  ++count.freed;
  real(device, memory, callbacks);
}

void vkDestroyDevice(VkDevice device, const VkAllocationCallbacks* callbacks) {
  static auto* const real = next<decltype(vkDestroyDevice)>("vkDestroyDevice");
  ++count.devices_destroyed;
  real(device, callbacks);
}

VkResult vkEnumeratePhysicalDevices(VkInstance instance, uint32_t* number,
                                    VkPhysicalDevice* devices) {
  static auto* const real =
      next<decltype(vkEnumeratePhysicalDevices)>("vkEnumeratePhysicalDevices");
  if (injected.no_start) return VK_ERROR_INITIALIZATION_FAILED;
  if (!injected.no_devices) return real(instance, number, devices);
  *number = 0;
  return VK_SUCCESS;
}

void vkGetPhysicalDeviceProperties2(VkPhysicalDevice device,
                                    VkPhysicalDeviceProperties2* properties) {
  static auto* const real =
      next<decltype(vkGetPhysicalDeviceProperties2)>("vkGetPhysicalDeviceProperties2");
  real(device, properties);
  if (injected.discrete) {
    properties->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  }
}

}  // extern "C"

namespace ceiling::test {
namespace {

using testing::HasSubstr;
using vulkan::Features;

constexpr Features kInPlace{.host_import = true, .file_pages = true};
constexpr Features kOwnPages{.host_import = true};

class VulkanFailures : public VulkanTest {
 protected:
  void SetUp() override {
    VulkanTest::SetUp();
    if (IsSkipped()) return;
    if (!vulkan::offered_features({}).file_pages) GTEST_SKIP() << "no pages of a file are imported";
    count = {};
  }
  void TearDown() override { injected = {}; }

  static std::shared_ptr<Device> make(const std::optional<Features>& features = {}) {
    return vulkan::make_vulkan_device({.features = features, .validate = true});
  }
  static std::string failure(const std::function<void()>& run) {
    try {
      run();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed);
      return error.what();
    }
    return "";
  }
  static std::vector<float> logits(const std::shared_ptr<Device>& on) {
    return DeviceRunner(file(), on).prefill(some_tokens(20), 20);
  }
  static std::shared_ptr<const gguf::File> file() { return TinyModel::make("llama").open(); }
};

TEST_F(VulkanFailures, ALostDeviceIsAnErrorAndGoes) {
  auto lost = make();
  auto runner = std::make_unique<DeviceRunner>(file(), lost);
  injected.waits = {VK_ERROR_DEVICE_LOST};
  const std::string error = failure([&] { runner->prefill(some_tokens(3), 3); });
  EXPECT_THAT(error, HasSubstr("running a step: the device is lost"));
  EXPECT_THAT(error, HasSubstr("--device cpu"));
  const int destroyed = count.devices_destroyed;
  runner.reset();
  lost.reset();
  EXPECT_EQ(count.devices_destroyed, destroyed + 1);
}

TEST_F(VulkanFailures, AStepThatEndsLateIsAnErrorAndItsMemoryGoes) {
  auto late = make();
  auto runner = std::make_unique<DeviceRunner>(file(), late);
  injected.waits = {VK_TIMEOUT};
  const std::string error = failure([&] { runner->prefill(some_tokens(3), 3); });
  EXPECT_THAT(error, HasSubstr("running a step: no end in sight"));
  EXPECT_THAT(error, HasSubstr("--device cpu"));
  const Count before = count;
  runner.reset();
  late.reset();
  EXPECT_GT(count.freed, before.freed);
  EXPECT_EQ(count.devices_destroyed, before.devices_destroyed + 1);
}

TEST_F(VulkanFailures, OfADeviceThatHangsNothingIsLetGo) {
  auto hung = make();
  auto runner = std::make_unique<DeviceRunner>(file(), hung);
  injected.waits = {VK_TIMEOUT, VK_TIMEOUT};
  EXPECT_THAT(failure([&] { runner->prefill(some_tokens(3), 3); }), HasSubstr("no end in sight"));
  const Count before = count;
  EXPECT_THAT(failure([&] { runner->prefill(some_tokens(3), 3); }), HasSubstr("no end in sight"));
  EXPECT_EQ(count.submitted, before.submitted);  // nor is it asked for more
  runner.reset();
  hung.reset();
  EXPECT_EQ(count.freed, before.freed);
  EXPECT_EQ(count.devices_destroyed, before.devices_destroyed);
}

// The same with a step that really is still running when all of its owners have gone.
TEST_F(VulkanFailures, AStepThatRunsOnHarmsNobody) {
  auto runner = std::make_unique<DeviceRunner>(wide("llama", TensorType::F32).open(), make());
  runner->prefill(some_tokens(60), 60);
  injected.waits = {VK_TIMEOUT, VK_TIMEOUT};
  injected.at_once = true;
  EXPECT_THAT(failure([&] { runner->prefill(some_tokens(60), 60); }), HasSubstr("no end in sight"));
  runner.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // it ends meanwhile
}

TEST_F(VulkanFailures, WeightsForWhichThereIsNoMemory) {
  const auto model = file();
  const Program program = build_program(*model);
  const auto device_of_little = make(Features{});
  const auto store =
      device_of_little->make_kv_store(program, 0, program.steps.size(), KvType::f16, 4);
  injected.no_memory = true;
  const std::string error = failure([&] {
    device_of_little->compile(program, Weights::bind(program, model), 0, program.steps.size(),
                              *store, {});
  });
  EXPECT_THAT(error, HasSubstr("for the weights"));
  EXPECT_THAT(error, HasSubstr("--device-memory"));
}

TEST_F(VulkanFailures, NoDeviceAndADriverThatDoesNotStart) {
  injected.no_devices = true;
  EXPECT_TRUE(vulkan::units().empty());
  const std::string none = failure([] { make(); });
  EXPECT_THAT(none, HasSubstr("no driver"));
  EXPECT_THAT(none, HasSubstr("install"));
  injected.no_start = true;
  EXPECT_THAT(failure([] { make(); }), HasSubstr("the driver does not start"));
}

TEST_F(VulkanFailures, ADriverThatTakesOnlyAnonymousMemoryReadsTheProcesssOwn) {
  const std::vector<float> expected = logits(make(kInPlace));
  injected.only_anonymous = true;
  const auto amd = make();
  EXPECT_THAT(amd->description(), HasSubstr("weights read in memory of this process (pages of a "
                                            "file: the driver refuses these pages)"));
  DeviceRunner runner(file(), amd);
  EXPECT_LT(distance(runner.prefill(some_tokens(20), 20), expected), 1e-2);
  EXPECT_EQ(runner.executable().traffic().copied_bytes, 0U);
  EXPECT_EQ(amd->residency(runner.program(), 0), Residency::shared);
}

TEST_F(VulkanFailures, AModelsPagesThatAreRefusedAreTakenOverFirstAndCopiedLast) {
  const std::vector<float> expected = logits(make(kInPlace));
  const auto picky = make(kInPlace);
  injected.only_anonymous = true;
  {
    DeviceRunner runner(file(), picky);
    EXPECT_EQ(runner.prefill(some_tokens(20), 20), expected);
    EXPECT_EQ(runner.executable().traffic().copied_bytes, 0U);
    EXPECT_THAT(picky->description(),
                HasSubstr("the pages of this file were refused (the driver refuses these pages): "
                          "weights read in memory of this process"));
    EXPECT_EQ(picky->residency(runner.program(), 0), Residency::shared);
  }
  injected.largest_import = 0;
  DeviceRunner runner(file(), picky);
  EXPECT_EQ(runner.prefill(some_tokens(20), 20), expected);
  EXPECT_EQ(runner.executable().traffic().copied_bytes, runner.program().weight_bytes());
  EXPECT_THAT(picky->description(), HasSubstr("memory of this process was refused (the driver "
                                              "refuses these pages): weights copied"));
  EXPECT_EQ(picky->residency(runner.program(), 0), Residency::copied);
}

// Both units read the file before and after it is taken over, from the same addresses.
TEST_F(VulkanFailures, TheCpuReadsOnWhereAFileIsTakenOver) {
  const auto model = file();
  DeviceRunner cpu(model, cpu::make_cpu_device({.threads = 2, .isa = active_isa(), .pin = false}));
  const auto before = cpu.prefill(some_tokens(20), 20);
  DeviceRunner(model, make(kOwnPages)).prefill(some_tokens(20), 20);
  EXPECT_EQ(cpu.prefill(some_tokens(20), 20), before);
}

TEST_F(VulkanFailures, ADeviceThatIsLostByATrialIsOpenedAgainWithoutWhatItTried) {
  injected.waits = {VK_SUCCESS, VK_ERROR_DEVICE_LOST};  // own memory, a file's pages
  const auto again = make();
  EXPECT_EQ(count.devices_destroyed, 1);
  EXPECT_THAT(again->description(), HasSubstr("the device is lost"));
  EXPECT_EQ(logits(again).size(), 20U * 50);
}

TEST_F(VulkanFailures, ADiscreteDeviceCopiesAndWhatItImportsIsSpilled) {
  const Program program = build_program(*file());
  injected.discrete = true;
  EXPECT_EQ(vulkan::units().at(0).kind, vulkan::UnitKind::discrete);
  EXPECT_FALSE(vulkan::units().at(0).host_memory);
  EXPECT_EQ(make()->residency(program, 0), Residency::copied);
  EXPECT_FALSE(vulkan::reach({}).reads_mapping);
  for (const Features& importing : {kInPlace, kOwnPages}) {
    const auto across = make(importing);
    EXPECT_EQ(across->residency(program, 0), Residency::spilled);
    EXPECT_THAT(across->description(), HasSubstr("over the link"));
    EXPECT_TRUE(vulkan::reach({.features = importing}).reads_mapping);
    EXPECT_TRUE(vulkan::reach({.features = importing}).over_link);
  }
  injected.discrete = false;
  EXPECT_EQ(make(kInPlace)->residency(program, 0), Residency::shared);
  EXPECT_FALSE(vulkan::reach({.features = kInPlace}).over_link);
}

}  // namespace
}  // namespace ceiling::test
#endif
