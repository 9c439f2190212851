#include "lab/plan/treatment.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr std::size_t kMostTreatments = 64;
constexpr std::size_t kMostSteps = 100'000;
constexpr double kMostDose = 64;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 53;

}  // namespace

json to_json(const std::vector<Treatment>& treatments) {
  json list = json::array();
  for (const Treatment& t : treatments) {
    json item = json::object();
    if (t.bytes > 0) item["bytes"] = t.bytes;
    if (t.cached_bytes > 0) item["cached_bytes"] = t.cached_bytes;
    if (t.arithmetic > 0) item["arithmetic"] = t.arithmetic;
    if (t.sequences != 1) item["sequences"] = t.sequences;
    list.push_back(std::move(item));
  }
  return list;
}

std::vector<Treatment> treatments_from_json(const Fields& fields, const char* name) {
  std::vector<Treatment> treatments;
  for (const Fields& item : fields.objects(name, kMostTreatments)) {
    item.only({"bytes", "cached_bytes", "arithmetic", "sequences"});
    Treatment t;
    t.bytes = item.optional_number("bytes", 0, kMostDose).value_or(0);
    t.cached_bytes = item.optional_number("cached_bytes", 0, kMostDose).value_or(0);
    t.arithmetic = item.optional_number("arithmetic", 0, kMostDose).value_or(0);
    if (item.has("sequences")) {
      t.sequences = static_cast<std::uint32_t>(item.integer("sequences", 1, 256));
    }
    const bool adds = t.bytes > 0 || t.cached_bytes > 0 || t.arithmetic > 0;
    if (adds && t.sequences > 1) {
      fail(ExitCode::integrity, "{} adds work to {} sequences; expected one", item.label(),
           t.sequences);
    }
    if (t.bytes > 0 && t.cached_bytes > 0) {
      fail(ExitCode::integrity, "{} has bytes and cached_bytes; expected one of them",
           item.label());
    }
    treatments.push_back(t);
  }
  return treatments;
}

json to_json(const std::vector<TreatedStep>& steps) {
  json list = json::array();
  for (const TreatedStep& s : steps) {
    list.push_back({{"treatment", s.treatment},
                    {"cycle", s.cycle},
                    {"seconds", s.seconds},
                    {"read_bytes", s.read_bytes},
                    {"added_bytes", s.added_bytes}});
    if (s.cache_misses) list.back()["cache_misses"] = *s.cache_misses;
  }
  return list;
}

std::vector<TreatedStep> treated_steps_from_json(const Fields& fields, const char* name) {
  std::vector<TreatedStep> steps;
  for (const Fields& item : fields.objects(name, kMostSteps)) {
    item.only({"treatment", "cycle", "seconds", "read_bytes", "added_bytes", "cache_misses"});
    TreatedStep step;
    step.treatment = static_cast<std::uint32_t>(item.integer("treatment", 0, kMostTreatments - 1));
    step.cycle = static_cast<std::uint32_t>(item.integer("cycle", 0, kMostSteps));
    step.seconds = item.number("seconds", 1e-9, 1e7);
    step.read_bytes = item.integer("read_bytes", 1, kMostBytes);
    step.added_bytes = item.integer("added_bytes", 0, kMostBytes);
    if (item.has("cache_misses")) step.cache_misses = item.integer("cache_misses", 0, kMostBytes);
    steps.push_back(step);
  }
  return steps;
}

json to_json(const std::vector<CycleReading>& readings) {
  json list = json::array();
  for (const CycleReading& r : readings) {
    list.push_back({{"cycle", r.cycle}, {"bytes", r.bytes}, {"seconds", r.seconds}});
  }
  return list;
}

std::vector<CycleReading> cycle_readings_from_json(const Fields& fields, const char* name) {
  std::vector<CycleReading> readings;
  for (const Fields& item : fields.objects(name, kMostSteps)) {
    item.only({"cycle", "bytes", "seconds"});
    readings.push_back({static_cast<std::uint32_t>(item.integer("cycle", 0, kMostSteps)),
                        item.integer("bytes", 1, kMostBytes), item.number("seconds", 1e-9, 1e7)});
  }
  return readings;
}

}  // namespace ceiling::lab
