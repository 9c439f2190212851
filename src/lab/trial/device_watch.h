// Looks at the device that a trial runs on, as the system's own library shows it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/trial/device_conditions.h"
#include "os/energy.h"
#include "os/gpu.h"

namespace ceiling::lab {

class DeviceWatch {
 public:
  // Made before this process holds a device: what then works on one are others.
  explicit DeviceWatch(std::vector<std::unique_ptr<os::Gpu>> gpus);

  // From here on it looks at the one at this place on the bus. False: the library does not show it.
  bool choose(const std::string& bus_address);
  void look();
  std::optional<DeviceConditions> seen() const;  // empty: none was chosen, or never looked at

  // The meters that count for a trial on it: of all that there are, its own GPU's alone.
  std::vector<os::EnergyMeter> meters(std::vector<os::EnergyMeter> all) const;

 private:
  std::vector<std::unique_ptr<os::Gpu>> gpus_;
  std::vector<os::GpuState> before_;
  std::shared_ptr<const os::Gpu> chosen_;
  os::GpuState at_first_;  // of the chosen one
  std::vector<os::GpuState> looks_;
};

}  // namespace ceiling::lab
