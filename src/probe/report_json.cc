#include <nlohmann/json.hpp>

#include "probe/report.h"

namespace ceiling::probe {
namespace {

using Json = nlohmann::ordered_json;

Json summary(const Distribution& values) {
  return {{"median", values.median()},
          {"p05", values.quantile(0.05)},
          {"p95", values.quantile(0.95)},
          {"spread", values.spread()},
          {"sorted", values.sorted()}};
}

Json bandwidth(const BandwidthReading& reading, const std::string& source) {
  return {{"source", source},
          {"threads", reading.threads},
          {"region_bytes", reading.region.value},
          {"from_memory", reading.from_memory},
          {"kernel", reading.kernel},
          {"gb_per_s", summary(reading.gb_per_s)}};
}

Json unit(const UnitReading& reading) {
  Json json = {{"device", reading.device},
               {"name", reading.name},
               {"driver", reading.driver},
               {"host_memory", reading.host_memory},
               {"software", reading.software}};
  if (!reading.failure.empty()) {
    json["failure"] = reading.failure;
    return json;
  }
  json["gb_per_s"] = summary(reading.gb_per_s);
  if (reading.host_memory) {
    json["both_at_once"] = {{"unit_gb_per_s", summary(reading.beside_cpu)},
                            {"cpu_gb_per_s", summary(reading.cpu_beside_it)}};
  }
  return json;
}

}  // namespace

Json to_json(const Report& report) {
  Json json;
  json["schema"] = "ceiling.probe.1";
  json["machine"] = to_json(report.machine);
  json["bandwidth"] = Json::array();
  for (const BandwidthReading& reading : report.memory) {
    json["bandwidth"].push_back(bandwidth(reading, "memory"));
  }
  if (report.file) {
    json["bandwidth"].push_back(bandwidth(report.file->bandwidth, "file"));
    json["file"] = {{"path", report.file->path}, {"bytes", report.file->size.value}};
  }
  json["units"] = Json::array();
  for (const UnitReading& reading : report.units) json["units"].push_back(unit(reading));
  json["compute"] = Json::array();
  for (const ComputeReading& reading : report.compute) {
    json["compute"].push_back({{"arithmetic", name(reading.arithmetic)},
                               {"threads", reading.threads},
                               {"kernel", reading.kernel},
                               {"gop_per_s", summary(reading.gop_per_s)}});
  }
  json["conditions"] = {{"before", to_json(report.before)}, {"after", to_json(report.after)}};
  json["warnings"] = Json::array();
  for (const Warning& warning : report.warnings) {
    json["warnings"].push_back({{"what", warning.what}, {"remedy", warning.remedy}});
  }
  return json;
}

}  // namespace ceiling::probe
