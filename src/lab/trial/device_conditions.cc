#include "lab/trial/device_conditions.h"

#include <nlohmann/json.hpp>

#include "lab/json/json_fields.h"

namespace ceiling::lab {

nlohmann::json to_json(const DeviceConditions& conditions) {
  nlohmann::json value = nlohmann::json::object();
  for (const auto& [name, member] : kDeviceConditions) {
    if (const auto& number = conditions.*member) value[name] = *number;
  }
  return value;
}

DeviceConditions device_conditions_from_json(const Fields& fields) {
  DeviceConditions conditions;
  for (const auto& [name, member] : kDeviceConditions) {
    conditions.*member = fields.optional_number(name, 0, 1e15);
  }
  return conditions;
}

}  // namespace ceiling::lab
