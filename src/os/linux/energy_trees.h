// The meters of a given tree and library: tests show them those of other machines.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "os/energy.h"

namespace ceiling::os {

// Zones of /sys/class/powercap below `root`: packages, the memory beside them, the platform.
std::vector<EnergyMeter> rapl_meters(const std::filesystem::path& root);

// One meter for each GPU that counts (Volta and later); `library` is libnvidia-ml's name or path.
std::vector<EnergyMeter> nvml_meters(const std::string& library);

}  // namespace ceiling::os
