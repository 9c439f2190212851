#include <memory>

#include "os/linux/energy_trees.h"
#include "os/linux/nvml.h"

namespace ceiling::os {

std::vector<EnergyMeter> nvml_meters(const std::string& library) {
  std::vector<EnergyMeter> meters;
  for (std::unique_ptr<Gpu>& found : nvml_gpus(library)) {
    if (!found->joules()) continue;
    const std::shared_ptr<const Gpu> gpu = std::move(found);
    meters.push_back({"GPU", [gpu] { return gpu->joules(); }, 0});
  }
  return meters;
}

}  // namespace ceiling::os
