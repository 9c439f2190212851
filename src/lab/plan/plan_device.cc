#include "lab/plan/plan_device.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

constexpr double kMostGbPerS = 1e6;

}  // namespace

nlohmann::json to_json(const PlanDevice& device) {
  nlohmann::json value = {
      {"device", device.device},
      {"name", device.name},
      {"memory_bytes", device.memory_bytes},
      {"read_gb_per_s", device.read_gb_per_s},
      {"read_gb_per_s_range", {device.read_gb_per_s_range.low, device.read_gb_per_s_range.high}}};
  if (device.link_gb_per_s) value["link_gb_per_s"] = *device.link_gb_per_s;
  return value;
}

PlanDevice plan_device_from_json(const Fields& fields) {
  fields.only(
      {"device", "name", "memory_bytes", "read_gb_per_s", "read_gb_per_s_range", "link_gb_per_s"});
  PlanDevice device;
  device.device = fields.text("device");
  device.name = fields.text("name");
  device.memory_bytes = fields.integer("memory_bytes", 0, std::uint64_t{1} << 50);
  device.read_gb_per_s = fields.number("read_gb_per_s", 1e-6, kMostGbPerS);
  const std::vector<double> range = fields.numbers("read_gb_per_s_range", 2, 0, kMostGbPerS);
  if (range.size() != 2 || range[0] > range[1]) {
    fail(ExitCode::integrity, "{}.read_gb_per_s_range is not [low, high]", fields.label());
  }
  device.read_gb_per_s_range = {range[0], range[1]};
  device.link_gb_per_s = fields.optional_number("link_gb_per_s", 1e-6, kMostGbPerS);
  return device;
}

}  // namespace ceiling::lab
