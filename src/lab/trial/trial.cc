#include "lab/trial/trial.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr double kMostSeconds = 1e7;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 53;
constexpr std::size_t kMostTokens = std::size_t{1} << 20;

struct OptionalCondition {
  const char* name;
  std::optional<double> TrialConditions::* member;
};

constexpr OptionalCondition kOptional[] = {
    {"steal_share", &TrialConditions::steal_share},
    {"others_share", &TrialConditions::others_share},
    {"others_share_resolution", &TrialConditions::others_share_resolution},
    {"load_1min", &TrialConditions::load_1min},
    {"memory_stall_s", &TrialConditions::memory_stall_s},
    {"cpu_stall_s", &TrialConditions::cpu_stall_s},
    {"major_faults", &TrialConditions::major_faults},
    {"refaults", &TrialConditions::refaults},
    {"swap_in_pages", &TrialConditions::swap_in_pages},
    {"swap_out_pages", &TrialConditions::swap_out_pages},
    {"frequency_mhz", &TrialConditions::frequency_mhz},
    {"temperature_c", &TrialConditions::temperature_c},
    {"throttle_events", &TrialConditions::throttle_events},
};

json conditions_to_json(const TrialConditions& conditions) {
  json value = {{"elapsed_s", conditions.elapsed_s},
                {"slept_s", conditions.slept_s},
                {"clock_jump_s", conditions.clock_jump_s}};
  for (const auto& [name, member] : kOptional) {
    if (const auto& number = conditions.*member) value[name] = *number;
  }
  if (conditions.device) value["device"] = to_json(*conditions.device);
  return value;
}

TrialConditions conditions_from_json(const Fields& fields) {
  TrialConditions conditions;
  conditions.elapsed_s = fields.number("elapsed_s", 0, kMostSeconds);
  conditions.slept_s = fields.number("slept_s", -kMostSeconds, kMostSeconds);
  conditions.clock_jump_s = fields.number("clock_jump_s", -1e12, 1e12);
  for (const auto& [name, member] : kOptional) {
    conditions.*member = fields.optional_number(name, -1e15, 1e15);
  }
  if (fields.has("device")) {
    conditions.device = device_conditions_from_json(fields.object("device"));
  }
  return conditions;
}

std::vector<ProbeSlice> slices_from_json(const Fields& fields) {
  std::vector<ProbeSlice> slices;
  for (const Fields& slice : fields.objects("slices", kMostTokens)) {
    slice.only({"after_token", "bytes", "seconds"});
    slices.push_back({static_cast<std::uint32_t>(slice.integer("after_token", 0, kMostTokens)),
                      slice.integer("bytes", 1, kMostBytes),
                      slice.number("seconds", 1e-9, kMostSeconds)});
  }
  return slices;
}

std::vector<ProfilePart> profile_from_json(const Fields& fields) {
  std::vector<ProfilePart> profile;
  for (const Fields& part : fields.objects("profile", 1000)) {
    part.only({"label", "seconds_per_token", "bytes_per_token"});
    profile.push_back({part.text("label"), part.number("seconds_per_token", 0, kMostSeconds),
                       part.number("bytes_per_token", 0, 1e16)});
  }
  return profile;
}

// Members without a value go; what is known of another engine comes.
void write_other_engine(const TrialResult& result, json& value) {
  value["engine"] = result.engine;
  value["missing"] = result.missing;
  for (const char* member : {"threads", "load_s", "prefill_s", "first_token_s"}) {
    if (value.at(member) == 0) value.erase(member);
  }
  if (result.total) {
    value["decoded"] = {{"tokens", result.total->tokens}, {"seconds", result.total->seconds}};
  }
}

FilledMemory filled_from_json(const Fields& fields) {
  fields.only({"limit_bytes", "working_set_bytes", "charged_bytes", "ballast_bytes", "refaults"});
  FilledMemory filled;
  filled.limit_bytes = fields.integer("limit_bytes", 1, kMostBytes);
  filled.working_set_bytes = fields.integer("working_set_bytes", 1, kMostBytes);
  filled.charged_bytes = fields.integer("charged_bytes", 0, kMostBytes);
  if (fields.has("ballast_bytes")) {
    filled.ballast_bytes = fields.integer("ballast_bytes", 1, kMostBytes);
  }
  filled.refaults = fields.integer("refaults", 0, kMostBytes);
  return filled;
}

json to_json(const FilledMemory& filled) {
  json value = {{"limit_bytes", filled.limit_bytes},
                {"working_set_bytes", filled.working_set_bytes},
                {"charged_bytes", filled.charged_bytes},
                {"refaults", filled.refaults}};
  if (filled.ballast_bytes > 0) value["ballast_bytes"] = filled.ballast_bytes;
  return value;
}

std::vector<DrawnEnergy> energy_from_json(const Fields& fields) {
  constexpr std::size_t kMostMeters = 16;
  std::vector<DrawnEnergy> energy;
  for (const Fields& item : fields.objects("energy", kMostMeters)) {
    item.only({"what", "joules"});
    energy.push_back({item.text("what"), item.number("joules", 1e-9, 1e12)});
  }
  return energy;
}

}  // namespace

double TrialResult::decoded_tokens() const {
  return static_cast<double>(total ? total->tokens : token_s.size());
}

double TrialResult::decode_s() const {
  if (total) return total->seconds;
  return std::accumulate(token_s.begin(), token_s.end(), 0.0);
}

double TrialResult::tokens_per_s() const { return decoded_tokens() / decode_s(); }

double TrialResult::bytes_per_token() const {
  return static_cast<double>(decode_read_bytes) / decoded_tokens();
}

double TrialResult::probe_bytes_per_s() const {
  double bytes = 0;
  double seconds = 0;
  for (const ProbeSlice& slice : slices) {
    bytes += static_cast<double>(slice.bytes);
    seconds += slice.seconds;
  }
  return bytes / seconds;
}

double TrialResult::share() const {
  return static_cast<double>(decode_read_bytes) / decode_s() / probe_bytes_per_s();
}

json to_json(const TrialResult& result) {
  json value = {{"cell", result.cell},
                {"device", result.device},
                {"residency", result.residency},
                {"threads", result.threads},
                {"file_bytes", result.file_bytes},
                {"cached_share", result.cached_share},
                {"touch_s", result.touch_s},
                {"load_s", result.load_s},
                {"prompt_tokens", result.prompt_tokens},
                {"prefill_s", result.prefill_s},
                {"first_token_s", result.first_token_s},
                {"prefill_operations", result.prefill_operations},
                {"prefill_bytes", result.prefill_bytes},
                {"token_s", result.token_s},
                {"decode_read_bytes", result.decode_read_bytes},
                {"decode_operations", result.decode_operations},
                {"resident_bytes", result.resident_bytes},
                {"conditions", conditions_to_json(result.conditions)},
                {"slices", json::array()},
                {"profile", json::array()}};
  if (!result.engine.empty()) write_other_engine(result, value);
  for (const ProbeSlice& slice : result.slices) {
    value["slices"].push_back(
        {{"after_token", slice.after_token}, {"bytes", slice.bytes}, {"seconds", slice.seconds}});
  }
  if (result.filled) value["filled"] = to_json(*result.filled);
  for (const DrawnEnergy& drawn : result.energy) {
    value["energy"].push_back({{"what", drawn.what}, {"joules", drawn.joules}});
  }
  if (result.own_memory) value["own_memory"] = to_json(*result.own_memory);
  if (!result.treated.empty()) value["treated"] = to_json(result.treated);
  if (!result.treated_memory.empty()) value["treated_memory"] = to_json(result.treated_memory);
  for (const ProfilePart& part : result.profile) {
    value["profile"].push_back({{"label", part.label},
                                {"seconds_per_token", part.seconds_per_token},
                                {"bytes_per_token", part.bytes_per_token}});
  }
  return value;
}

namespace {

// What another engine's trial may lack.
void read_other_engine(const Fields& fields, TrialResult& result) {
  const auto seconds = [&](const char* member) {
    return fields.optional_number(member, 1e-9, kMostSeconds).value_or(0);
  };
  result.engine = fields.text("engine");
  result.missing = fields.texts("missing", 32);
  if (fields.has("threads")) {
    result.threads = static_cast<unsigned>(fields.integer("threads", 1, 4096));
  }
  result.load_s = seconds("load_s");
  result.prefill_s = seconds("prefill_s");
  result.first_token_s = seconds("first_token_s");
  if (fields.has("decoded")) {
    const Fields decoded = fields.object("decoded");
    decoded.only({"tokens", "seconds"});
    result.total = DecodeTotal{decoded.integer("tokens", 1, kMostTokens),
                               decoded.number("seconds", 1e-9, kMostSeconds)};
  }
}

void read_own(const Fields& fields, TrialResult& result) {
  result.threads = static_cast<unsigned>(fields.integer("threads", 1, 4096));
  result.load_s = fields.number("load_s", 0, kMostSeconds);
  result.prefill_s = fields.number("prefill_s", 1e-9, kMostSeconds);
  result.first_token_s = fields.number("first_token_s", 1e-9, kMostSeconds);
}

}  // namespace

TrialResult trial_from_json(const Fields& fields) {
  TrialResult result;
  result.cell = fields.text("cell");
  const bool own = !fields.has("engine");
  if (own) {
    read_own(fields, result);
  } else {
    read_other_engine(fields, result);
  }
  result.device = fields.text("device");
  result.residency = fields.text("residency");
  result.file_bytes = fields.integer("file_bytes", 1, kMostBytes);
  result.cached_share = fields.number("cached_share", 0, 1);
  result.touch_s = fields.number("touch_s", 0, kMostSeconds);
  result.prompt_tokens =
      static_cast<std::uint32_t>(fields.integer("prompt_tokens", 1, kMostTokens));
  result.prefill_operations = fields.number("prefill_operations", 0, 1e30);
  result.prefill_bytes = fields.integer("prefill_bytes", 0, kMostBytes);
  result.token_s = fields.numbers("token_s", kMostTokens, 1e-9, kMostSeconds);
  if (result.token_s.empty() == !result.total) {
    fail(ExitCode::integrity, "{}.token_s has {} tokens{}; expected at least one", fields.label(),
         result.token_s.size(), result.total ? " beside a total" : "");
  }
  result.decode_read_bytes = fields.integer("decode_read_bytes", 1, kMostBytes);
  result.decode_operations = fields.number("decode_operations", 0, 1e30);
  result.slices = slices_from_json(fields);
  if (own && result.slices.empty()) {
    fail(ExitCode::integrity, "{}.slices is empty; expected at least one reading", fields.label());
  }
  result.profile = profile_from_json(fields);
  if (fields.has("energy")) result.energy = energy_from_json(fields);
  if (fields.has("filled")) result.filled = filled_from_json(fields.object("filled"));
  if (fields.has("own_memory")) {
    result.own_memory = device_record_from_json(fields.object("own_memory"));
  }
  if (fields.has("treated")) result.treated = treated_steps_from_json(fields, "treated");
  if (fields.has("treated_memory")) {
    result.treated_memory = cycle_readings_from_json(fields, "treated_memory");
  }
  result.resident_bytes = fields.integer("resident_bytes", 0, kMostBytes);
  result.conditions = conditions_from_json(fields.object("conditions"));
  return result;
}

}  // namespace ceiling::lab
