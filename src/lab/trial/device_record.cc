#include "lab/trial/device_record.h"

#include <nlohmann/json.hpp>

#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 53;
constexpr double kMostSeconds = 1e7;

}  // namespace

nlohmann::json to_json(const DeviceRecord& record) {
  nlohmann::json value = {{"copied_bytes", record.copied_bytes},
                          {"copy_s", record.copy_s},
                          {"spilled_bytes", record.spilled_bytes},
                          {"warm_up_s", record.warm_up_s}};
  if (record.link_bytes_per_s) value["link_bytes_per_s"] = *record.link_bytes_per_s;
  return value;
}

DeviceRecord device_record_from_json(const Fields& fields) {
  fields.only({"copied_bytes", "copy_s", "spilled_bytes", "link_bytes_per_s", "warm_up_s"});
  DeviceRecord record;
  record.copied_bytes = fields.integer("copied_bytes", 0, kMostBytes);
  record.copy_s = fields.number("copy_s", 0, kMostSeconds);
  record.spilled_bytes = fields.integer("spilled_bytes", 0, kMostBytes);
  record.warm_up_s = fields.number("warm_up_s", 0, kMostSeconds);
  record.link_bytes_per_s = fields.optional_number("link_bytes_per_s", 1, 1e15);
  return record;
}

}  // namespace ceiling::lab
