#include "os/linux/nvml.h"

#include <dlfcn.h>

#include <array>

namespace ceiling::os {
namespace {

// As nvml.h lays them out.
struct PciInfo {
  char short_address[16];
  unsigned domain, bus, device, ids, subsystem;
  char address[32];
};
struct ProcessInfo {
  unsigned id;
  unsigned long long memory;
  unsigned gpu_instance, compute_instance;
};

constexpr int kGraphicsClock = 0, kMemoryClock = 2;
constexpr int kCorrected = 0, kUncorrected = 1, kSinceDriverLoad = 0;
constexpr int kNotEnoughRoom = 7;  // NVML_ERROR_INSUFFICIENT_SIZE

// Bits of nvmlClocksThrottleReasons: hardware and software slowdown by heat, the board's power
// brake; apart from them the power limit.
constexpr unsigned long long kPowerCap = 0x4, kSlowdowns = 0x8 | 0x20 | 0x40 | 0x80;

class NvmlGpu final : public Gpu {
 public:
  NvmlGpu(std::shared_ptr<const Nvml> nvml, void* device)
      : nvml_(std::move(nvml)), device_(device) {}
  std::string bus_address() const override { return nvml_->bus_address(device_); }
  GpuState state() const override { return nvml_->state(device_); }
  std::optional<double> joules() const override { return nvml_->joules(device_); }

 private:
  std::shared_ptr<const Nvml> nvml_;
  void* device_;
};

}  // namespace

std::shared_ptr<const Nvml> Nvml::open(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  auto nvml = std::make_shared<Nvml>(handle);
  if (!nvml->complete() || nvml->init_() != 0) return nullptr;
  nvml->running_ = true;
  return nvml;
}

Nvml::Nvml(void* handle) : handle_(handle) {
  find("nvmlInit_v2", init_);
  find("nvmlShutdown", shutdown_);
  find("nvmlDeviceGetCount_v2", count_);
  find("nvmlDeviceGetHandleByIndex_v2", device_);
  find("nvmlDeviceGetTotalEnergyConsumption", energy_);
  find("nvmlDeviceGetPciInfo_v3", pci_);
  find("nvmlDeviceGetClockInfo", clock_);
  find("nvmlDeviceGetMaxClockInfo", most_clock_);
  find("nvmlDeviceGetTemperature", temperature_);
  find("nvmlDeviceGetPowerUsage", power_);
  find("nvmlDeviceGetCurrentClocksThrottleReasons", reasons_);
  find("nvmlDeviceGetTotalEccErrors", errors_);
  find("nvmlDeviceGetComputeRunningProcesses_v3", processes_);
}

Nvml::~Nvml() {
  if (running_) shutdown_();
  dlclose(handle_);
}

template <typename Function>
void Nvml::find(const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(handle_, name));
}

unsigned Nvml::devices() const {
  unsigned count = 0;
  return count_(&count) == 0 ? count : 0;
}

void* Nvml::device(unsigned index) const {
  void* device = nullptr;
  return device_(index, &device) == 0 ? device : nullptr;
}

std::string Nvml::bus_address(void* device) const {
  PciInfo info{};
  if (pci_ == nullptr || pci_(device, &info) != 0) return {};
  info.address[sizeof info.address - 1] = '\0';
  return info.address;
}

std::optional<double> Nvml::joules(void* device) const {
  unsigned long long millijoules = 0;
  if (energy_ == nullptr || energy_(device, &millijoules) != 0) return std::nullopt;
  return 1e-3 * static_cast<double>(millijoules);
}

std::optional<double> Nvml::clock(int (*ask)(void*, int, unsigned*), void* device, int kind) const {
  unsigned value = 0;
  if (ask == nullptr || ask(device, kind, &value) != 0) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> Nvml::errors(void* device, int kind) const {
  unsigned long long count = 0;
  if (errors_ == nullptr || errors_(device, kind, kSinceDriverLoad, &count) != 0) {
    return std::nullopt;
  }
  return count;
}

GpuState Nvml::state(void* device) const {
  constexpr int kCoreTemperature = 0;
  GpuState state;
  state.clock_mhz = clock(clock_, device, kGraphicsClock);
  state.most_clock_mhz = clock(most_clock_, device, kGraphicsClock);
  state.memory_clock_mhz = clock(clock_, device, kMemoryClock);
  state.temperature_c = clock(temperature_, device, kCoreTemperature);
  unsigned milliwatts = 0;
  if (power_ != nullptr && power_(device, &milliwatts) == 0) state.power_w = 1e-3 * milliwatts;
  unsigned long long reasons = 0;
  if (reasons_ != nullptr && reasons_(device, &reasons) == 0) {
    state.slowed_down = (reasons & kSlowdowns) != 0;
    state.power_capped = (reasons & kPowerCap) != 0;
  }
  state.corrected_errors = errors(device, kCorrected);
  state.uncorrected_errors = errors(device, kUncorrected);
  std::array<ProcessInfo, 64> infos{};
  unsigned count = infos.size();
  if (processes_ != nullptr) {
    const int result = processes_(device, &count, infos.data());
    if (result == 0 || result == kNotEnoughRoom) state.processes = count;
  }
  return state;
}

std::vector<std::unique_ptr<Gpu>> nvml_gpus(const std::string& library) {
  std::vector<std::unique_ptr<Gpu>> found;
  const std::shared_ptr<const Nvml> nvml = Nvml::open(library);
  if (nvml == nullptr) return found;
  for (unsigned i = 0; i < nvml->devices(); ++i) {
    if (void* device = nvml->device(i)) found.push_back(std::make_unique<NvmlGpu>(nvml, device));
  }
  return found;
}

std::vector<std::unique_ptr<Gpu>> gpus() { return nvml_gpus(kNvml); }

}  // namespace ceiling::os
