#include "device/cpu/cpu_device.h"

#include <fmt/format.h>

#include "base/error.h"
#include "device/cpu/executable.h"
#include "os/cpu.h"

namespace ceiling::cpu {
namespace {

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const CpuOptions& options)
      : isa_(options.isa),
        pool_(std::make_shared<ThreadPool>(
            options.threads != 0 ? options.threads : os::default_threads(), options.pin)) {}

  std::string name() const override { return "cpu"; }
  std::string description() const override {
    const unsigned threads = pool_->threads();
    return fmt::format("{} thread{}, {}", threads, threads == 1 ? "" : "s", ceiling::name(isa_));
  }
  Residency residency(const Program&, WeightId) const override { return Residency::shared; }

  std::unique_ptr<KvStore> make_kv_store(const Program& program, std::size_t begin_step,
                                         std::size_t end_step, KvType type,
                                         std::uint32_t pages) override {
    return std::make_unique<CpuKvStore>(program, begin_step, end_step, type, pages,
                                        row_kernels(isa_));
  }

  std::unique_ptr<Executable> compile(const Program& program,
                                      std::shared_ptr<const Weights> weights,
                                      std::size_t begin_step, std::size_t end_step, KvStore& kv,
                                      const CompileOptions& options) override {
    auto* const store = dynamic_cast<CpuKvStore*>(&kv);
    if (store == nullptr) fail(ExitCode::failed, "the KV store is not one of the cpu device");
    return std::make_unique<CpuExecutable>(CpuExecutable::Parts{.program = program,
                                                                .weights = std::move(weights),
                                                                .begin = begin_step,
                                                                .end = end_step,
                                                                .kv = store,
                                                                .pool = pool_,
                                                                .isa = isa_,
                                                                .options = options});
  }

 private:
  Isa isa_;
  std::shared_ptr<ThreadPool> pool_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace ceiling::cpu
