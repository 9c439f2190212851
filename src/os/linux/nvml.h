// The part of NVIDIA's management library that is used (nvml.h). It is opened while running: a
// machine without the driver has no such library.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "os/energy.h"
#include "os/gpu.h"

namespace ceiling::os {

class Nvml {
 public:
  // `library`: its name or path. Null: it is not there, or does not answer.
  static std::shared_ptr<const Nvml> open(const std::string& library);
  explicit Nvml(void* handle);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  unsigned devices() const;
  void* device(unsigned index) const;  // null: it cannot be had

  std::string bus_address(void* device) const;  // empty: not shown
  GpuState state(void* device) const;
  // Joules since the driver was loaded; empty: this device does not count.
  std::optional<double> joules(void* device) const;

 private:
  template <typename Function>
  void find(const char* name, Function*& function);
  bool complete() const { return init_ && shutdown_ && count_ && device_; }
  std::optional<double> clock(int (*ask)(void*, int, unsigned*), void* device, int kind) const;
  std::optional<std::uint64_t> errors(void* device, int kind) const;

  void* handle_;
  bool running_ = false;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*device_)(unsigned, void**) = nullptr;
  // What an old library may lack.
  int (*energy_)(void*, unsigned long long*) = nullptr;
  int (*pci_)(void*, void*) = nullptr;
  int (*clock_)(void*, int, unsigned*) = nullptr;
  int (*most_clock_)(void*, int, unsigned*) = nullptr;
  int (*temperature_)(void*, int, unsigned*) = nullptr;
  int (*power_)(void*, unsigned*) = nullptr;
  int (*reasons_)(void*, unsigned long long*) = nullptr;
  int (*errors_)(void*, int, int, unsigned long long*) = nullptr;
  int (*processes_)(void*, unsigned*, void*) = nullptr;
};

// One for each device of the library: tests show them those of other machines.
std::vector<std::unique_ptr<Gpu>> nvml_gpus(const std::string& library);

inline constexpr const char* kNvml = "libnvidia-ml.so.1";

}  // namespace ceiling::os
