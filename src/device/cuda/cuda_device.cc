#include "device/cuda/cuda_device.h"

#include <algorithm>

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
    auto* const store = dynamic_cast<CudaKvStore*>(&kv);
    if (store == nullptr) fail(ExitCode::failed, "the KV store is not one of the cuda device");
    return std::make_unique<CudaExecutable>(CudaExecutable::Parts{.context = context_,
                                                                  .program = program,
                                                                  .weights = std::move(weights),
                                                                  .begin = begin_step,
                                                                  .end = end_step,
                                                                  .kv = store,
                                                                  .options = options});
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

  ~CudaDevice() override {
    if (begin_ != nullptr) cudaEventDestroy(begin_);
    if (end_ != nullptr) cudaEventDestroy(end_);
  }

 private:
  std::shared_ptr<Context> context_;
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

std::uint64_t free_memory(const CudaOptions& options) {
  check(cudaSetDevice(options.number), "choosing the device");
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for free memory");
  return options.memory_bytes == 0 ? free : std::min<std::uint64_t>(free, options.memory_bytes);
}

}  // namespace ceiling::cuda
