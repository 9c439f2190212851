#include "device/vulkan/vulkan_device.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error.h"
#include "device/vulkan/context.h"
#include "device/vulkan/executable.h"

namespace ceiling::vulkan {
namespace {

// One read of memory far beyond the caches, timed by the host.
class ReadProbe {
 public:
  ReadProbe(const std::shared_ptr<const Context>& context,
            const std::shared_ptr<Pipelines>& pipelines)
      : bytes_(std::min<std::uint64_t>(kBytes, context->limits().binding_bytes)),
        data_(*context, bytes_, Place::device, "the memory probe"),
        sums_(*context, kThreads * sizeof(std::uint32_t), Place::device, "the memory probe"),
        recording_(context, pipelines) {
    context->run_once([&](VkCommandBuffer commands) {
      vkCmdFillBuffer(commands, data_.handle(), 0, VK_WHOLE_SIZE, 0x5A5A5A5A);
    });
    for (std::uint64_t i = 0; i < kReads; ++i) {
      recording_.dispatch(
          {"read", {}},
          std::array{Span{data_.handle(), 0, bytes_}, Span{sums_.handle(), 0, sums_.size()}},
          ReadParameters{static_cast<std::uint32_t>(bytes_ / 16), kThreads}, {.x = kThreads / 128});
      recording_.barrier();
    }
    recording_.end();
    recording_.run();  // compiles, and touches the memory
  }

  BytesPerSecond run() const {
    const auto start = std::chrono::steady_clock::now();
    recording_.run();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {static_cast<double>(kReads * bytes_) / seconds};
  }

 private:
  static constexpr std::uint64_t kBytes = std::uint64_t{1} << 30;
  static constexpr std::uint32_t kThreads = 1U << 17;
  static constexpr std::uint64_t kReads = 2;
  std::uint64_t bytes_;
  Buffer data_, sums_;
  Recording recording_;
};

class VulkanDevice final : public Device {
 public:
  explicit VulkanDevice(const VulkanOptions& options)
      : context_(Context::open(options)), pipelines_(std::make_shared<Pipelines>(context_)) {}

  std::string name() const override { return "vulkan"; }
  std::string description() const override {
    return refusal_.empty() ? context_->description() : context_->description() + "; " + refusal_;
  }
  Residency residency(const Program&, WeightId) const override {
    if (copied_ || context_->weight_pages() == WeightPages::copied) return Residency::copied;
    return context_->unit().host_memory ? Residency::shared : Residency::spilled;
  }

  std::unique_ptr<KvStore> make_kv_store(const Program& program, std::size_t begin_step,
                                         std::size_t end_step, KvType type,
                                         std::uint32_t pages) override {
    return std::make_unique<VulkanKvStore>(context_, program, begin_step, end_step, type, pages);
  }

  std::unique_ptr<Executable> compile(const Program& program,
                                      std::shared_ptr<const Weights> weights,
                                      std::size_t begin_step, std::size_t end_step, KvStore& kv,
                                      const CompileOptions& options) override {
    auto* const store = dynamic_cast<VulkanKvStore*>(&kv);
    if (store == nullptr) fail(ExitCode::failed, "the KV store is not one of the vulkan device");
    auto on_device = std::make_shared<const DeviceWeights>(context_, program, std::move(weights),
                                                           begin_step, end_step);
    if (!on_device->refusal().empty()) refusal_ = on_device->refusal();
    copied_ = copied_ || on_device->copied_bytes() > 0;
    return std::make_unique<VulkanExecutable>(
        VulkanExecutable::Parts{.context = context_,
                                .pipelines = pipelines_,
                                .program = program,
                                .weights = std::move(on_device),
                                .begin = begin_step,
                                .end = end_step,
                                .kv = store,
                                .options = options});
  }

  std::optional<BytesPerSecond> read_rate() override {
    if (!probe_) probe_ = std::make_unique<ReadProbe>(context_, pipelines_);
    return probe_->run();
  }

 private:
  std::shared_ptr<const Context> context_;
  std::shared_ptr<Pipelines> pipelines_;
  std::unique_ptr<ReadProbe> probe_;
  std::string refusal_;  // of the model's pages
  bool copied_ = false;  // ... which led to a copy
};

}  // namespace

bool built() { return true; }

std::vector<Unit> units() {
  std::vector<Unit> out;
  for (const Instance::Listed& listed : Instance(false).list()) out.push_back(listed.unit);
  return out;
}

std::unique_ptr<Device> make_vulkan_device(const VulkanOptions& options) {
  return std::make_unique<VulkanDevice>(options);
}

Features offered_features(const VulkanOptions& options) {
  return Context::open(options)->offered();
}

std::uint64_t workspace_bytes(const Program& program, const CompileOptions& options) {
  return most_workspace(program, options);
}

Reach reach(const VulkanOptions& options) {
  const auto context = Context::open(options);
  const std::uint64_t there = context->unit().memory.value;
  const bool in_place = context->weight_pages() != WeightPages::copied;
  return {
      .reads_mapping = in_place,
      .over_link = in_place && !context->unit().host_memory,
      .memory_bytes = options.memory_bytes == 0 ? there : std::min(there, options.memory_bytes)};
}

}  // namespace ceiling::vulkan
