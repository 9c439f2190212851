// A device besides the CPU, as the planner saw it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "fit/prediction.h"

namespace ceiling::lab {

class Fields;

struct PlanDevice {
  std::string device;              // as --device takes it: "cuda"
  std::string name;                // what it says of itself
  std::uint64_t memory_bytes = 0;  // of its own that was free; 0: it reads the host's
  double read_gb_per_s = 0;        // median of its own reads
  fit::Interval read_gb_per_s_range;
  std::optional<double> link_gb_per_s;  // from pinned memory of the host
};

nlohmann::json to_json(const PlanDevice& device);
PlanDevice plan_device_from_json(const Fields& fields);  // throws Error(integrity)

}  // namespace ceiling::lab
