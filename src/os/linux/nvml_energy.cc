#include <dlfcn.h>

#include <memory>

#include "os/linux/energy_trees.h"

namespace ceiling::os {
namespace {

// The part of NVIDIA's management library that is used (nvml.h); all return 0 for success. It is
// opened while running: a machine without the driver has no such library.
class Nvml {
 public:
  static std::shared_ptr<const Nvml> open(const std::string& library) {
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return nullptr;
    auto nvml = std::make_shared<Nvml>(handle);
    if (!nvml->complete() || nvml->init_() != 0) return nullptr;
    nvml->running_ = true;
    return nvml;
  }

  explicit Nvml(void* handle) : handle_(handle) {
    find("nvmlInit_v2", init_);
    find("nvmlShutdown", shutdown_);
    find("nvmlDeviceGetCount_v2", count_);
    find("nvmlDeviceGetHandleByIndex_v2", device_);
    find("nvmlDeviceGetTotalEnergyConsumption", energy_);
  }
  ~Nvml() {
    if (running_) shutdown_();
    dlclose(handle_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  unsigned devices() const {
    unsigned count = 0;
    return count_(&count) == 0 ? count : 0;
  }

  // Joules since the driver was loaded; empty: this device does not count.
  std::optional<double> joules(unsigned index) const {
    void* device = nullptr;
    unsigned long long millijoules = 0;
    if (device_(index, &device) != 0 || energy_(device, &millijoules) != 0) return std::nullopt;
    return 1e-3 * static_cast<double>(millijoules);
  }

 private:
  template <typename Function>
  void find(const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(dlsym(handle_, name));
  }
  bool complete() const { return init_ && shutdown_ && count_ && device_ && energy_; }

  void* handle_;
  bool running_ = false;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*device_)(unsigned, void**) = nullptr;
  int (*energy_)(void*, unsigned long long*) = nullptr;
};

}  // namespace

std::vector<EnergyMeter> nvml_meters(const std::string& library) {
  std::vector<EnergyMeter> meters;
  const std::shared_ptr<const Nvml> nvml = Nvml::open(library);
  if (nvml == nullptr) return meters;
  for (unsigned i = 0; i < nvml->devices(); ++i) {
    if (nvml->joules(i)) meters.push_back({"GPU", [nvml, i] { return nvml->joules(i); }, 0});
  }
  return meters;
}

}  // namespace ceiling::os
