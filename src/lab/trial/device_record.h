// What a trial saw of a device with memory of its own, besides its speed.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace ceiling::lab {

class Fields;

struct DeviceRecord {
  // Weights that were copied to it before the run, on a clock of their own (part of the load).
  std::uint64_t copied_bytes = 0;
  double copy_s = 0;
  std::uint64_t spilled_bytes = 0;         // weights that did not fit: the CPU reads them
  std::optional<double> link_bytes_per_s;  // from pinned memory of the host, before the prompt
  // The prompt and some steps once before any clock: kernels are loaded, graphs captured.
  double warm_up_s = 0;
};

nlohmann::json to_json(const DeviceRecord& record);
DeviceRecord device_record_from_json(const Fields& fields);  // throws Error(integrity)

}  // namespace ceiling::lab
