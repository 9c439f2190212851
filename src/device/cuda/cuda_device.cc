#include "device/cuda/cuda_device.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "device/cuda/check.h"
#include "device/cuda/context.h"
#include "device/cuda/executable.h"

namespace ceiling::cuda {
namespace {

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(const CudaOptions& options)
      : context_(std::make_shared<Context>(options.number)) {}

  std::string name() const override { return "cuda"; }
  std::string description() const override { return context_->description(); }
  Residency residency(const Program&, WeightId) const override { return Residency::copied; }

  std::unique_ptr<KvStore> make_kv_store(const Program& program, std::size_t begin_step,
                                         std::size_t end_step, KvType type,
                                         std::uint32_t pages) override {
    return std::make_unique<CudaKvStore>(context_, program, begin_step, end_step, type, pages);
  }

  std::unique_ptr<Executable> compile(const Program& program,
                                      std::shared_ptr<const Weights> weights,
                                      std::size_t begin_step, std::size_t end_step, KvStore& kv,
                                      const CompileOptions& options) override {
    CudaExecutable::Parts parts{.context = context_,
                                .program = program,
                                .weights = std::move(weights),
                                .begin = begin_step,
                                .end = end_step,
                                .kv = {own(kv)},
                                .options = options,
                                .stream = {},
                                .lenders = {}};
    for (KvStore* const other : options.other_kv) parts.kv.push_back(own(*other));
    for (const auto& uploaded : uploads_) {
      if (const auto held = uploaded.lock(); held && held->source() == parts.weights.get()) {
        parts.lenders.push_back(held);
      }
    }
    if (!options.streamed.empty()) parts.stream = stream();
    auto executable = std::make_unique<CudaExecutable>(std::move(parts));
    uploads_.push_back(executable->weights());
    return executable;
  }

  std::optional<BytesPerSecond> read_rate() override {
    constexpr std::uint64_t kBytes = std::uint64_t{1} << 30;  // far beyond the caches
    if (probe_.size() == 0) {
      probe_ = DeviceMemory(kBytes + 256, "the memory probe");
      check(cudaMemsetAsync(probe_.data(), 0x5A, kBytes + 256, context_->stream()),
            "filling the memory probe");
      check(cudaEventCreate(&begin_), "making an event");
      check(cudaEventCreate(&end_), "making an event");
    }
    check(cudaEventRecord(begin_, context_->stream()), "marking a time");
    launch_read(context_->stage(), probe_.data(), kBytes,
                reinterpret_cast<std::uint32_t*>(probe_.data() + kBytes));
    check(cudaEventRecord(end_, context_->stream()), "marking a time");
    context_->wait();
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin_, end_), "reading a time");
    return BytesPerSecond{static_cast<double>(kBytes) / (1e-3 * milliseconds)};
  }

  std::optional<BytesPerSecond> link_rate() override {
    constexpr std::uint64_t kBytes = std::uint64_t{64} << 20;
    constexpr int kTimes = 3;  // the first wakes the link
    const PinnedMemory from(kBytes, "the link probe");
    const DeviceMemory to(kBytes, "the link probe");
    double seconds = 0;
    for (int i = 0; i < kTimes; ++i) {
      const auto start = std::chrono::steady_clock::now();
      check(cudaMemcpyAsync(to.data(), from.data(), kBytes, cudaMemcpyHostToDevice,
                            context_->stream()),
            "probing the link");
      context_->wait();
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    return BytesPerSecond{static_cast<double>(kBytes) / seconds};
  }

  std::string bus_address() const override { return context_->bus_address(); }

  ~CudaDevice() override {
    if (begin_ != nullptr) cudaEventDestroy(begin_);
    if (end_ != nullptr) cudaEventDestroy(end_);
  }

 private:
  static const CudaKvStore* own(KvStore& kv) {
    const auto* const store = dynamic_cast<const CudaKvStore*>(&kv);
    if (store == nullptr) fail(ExitCode::failed, "the KV store is not one of the cuda device");
    return store;
  }
  // One window for all segments in use.
  std::shared_ptr<WeightStream> stream() {
    auto in_use = stream_.lock();
    if (!in_use) {
      in_use = std::make_shared<WeightStream>(context_);
      stream_ = in_use;
    }
    return in_use;
  }

  std::shared_ptr<Context> context_;
  std::weak_ptr<WeightStream> stream_;
  std::vector<std::weak_ptr<const DeviceWeights>> uploads_;
  DeviceMemory probe_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace

bool built() { return true; }

std::unique_ptr<Device> make_cuda_device(const CudaOptions& options) {
  return std::make_unique<CudaDevice>(options);
}

std::uint64_t workspace_bytes(const Program& program, const CompileOptions& options) {
  return most_workspace(program, options);
}

Window window() { return {WeightStream::kSlots, WeightStream::kStoredBytes}; }

std::uint64_t free_memory(const CudaOptions& options) {
  check(cudaSetDevice(options.number), "choosing the device");
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for free memory");
  return options.memory_bytes == 0 ? free : std::min<std::uint64_t>(free, options.memory_bytes);
}

}  // namespace ceiling::cuda
