#include "lab/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "lab/json/json_fields.h"
#include "lab/plan/schedule.h"
#include "quant/tensor_type.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "ceiling-plan/1";
constexpr double kMostTokensPerS = 1e9;
constexpr std::size_t kMostCells = 64;

json interval_to_json(const fit::Interval& interval) { return {interval.low, interval.high}; }

fit::Interval interval_from_json(const Fields& fields, const char* name, double most) {
  const std::vector<double> ends = fields.numbers(name, 2, 0, most);
  if (ends.size() != 2 || ends[0] > ends[1]) {
    fail(ExitCode::integrity, "{}.{} is not [low, high]", fields.label(), name);
  }
  return {ends[0], ends[1]};
}

json prediction_to_json(const CellPrediction& prediction) {
  json value = {{"cell", prediction.cell}, {"by", prediction.by}, {"median", prediction.median}};
  if (prediction.p80) value["p80"] = interval_to_json(*prediction.p80);
  if (prediction.p95) value["p95"] = interval_to_json(*prediction.p95);
  if (prediction.share) {
    value["share"] = {{"median", prediction.share->median},
                      {"p80", interval_to_json(prediction.share->p80)},
                      {"p95", interval_to_json(prediction.share->p95)}};
  }
  return value;
}

CellPrediction prediction_from_json(const Fields& fields) {
  fields.only({"cell", "by", "median", "p80", "p95", "share"});
  CellPrediction prediction;
  prediction.cell = fields.text("cell");
  prediction.by = fields.text("by");
  prediction.median = fields.number("median", 0, kMostTokensPerS);
  if (fields.has("p80")) prediction.p80 = interval_from_json(fields, "p80", kMostTokensPerS);
  if (fields.has("p95")) prediction.p95 = interval_from_json(fields, "p95", kMostTokensPerS);
  if (fields.has("share")) {
    const Fields share = fields.object("share");
    share.only({"median", "p80", "p95"});
    prediction.share = {share.number("median", 0, 1e3), interval_from_json(share, "p80", 1e3),
                        interval_from_json(share, "p95", 1e3)};
  }
  return prediction;
}

json learned_to_json(const Learned& learned) {
  json types = json::object();
  for (const auto& [type, factor] : learned.calibration.types)
    types[std::string(name(type))] = factor;
  return {{"run", learned.run},
          {"created", learned.created},
          {"cells", learned.cells},
          {"stream", learned.calibration.stream},
          {"unpack", learned.calibration.unpack},
          {"fixed", learned.calibration.fixed},
          {"log_sd", learned.calibration.log_sd},
          {"types", std::move(types)}};
}

Learned learned_from_json(const Fields& fields) {
  constexpr double kMost = 1e3;
  fields.only({"run", "created", "cells", "stream", "unpack", "fixed", "log_sd", "types"});
  Learned learned{
      .run = fields.text("run"),
      .created = fields.text("created"),
      .cells = fields.integer("cells", 1, 1000),
      .calibration = {.stream = fields.number("stream", 1 / kMost, kMost),
                      // Earlier versions learned one factor for both.
                      .unpack = fields.has("unpack") ? fields.number("unpack", 1 / kMost, kMost)
                                                     : fields.number("stream", 1 / kMost, kMost),
                      .types = {},
                      .fixed = fields.number("fixed", 1 / kMost, kMost),
                      .log_sd = fields.number("log_sd", 0, 10)}};
  const Fields types = fields.object("types");
  for (const auto& [key, factor] : types.value().items()) {
    const auto type = tensor_type_from_name(key);
    if (!type) {
      fail(ExitCode::integrity, "{}: learned.types names '{}'; expected types of tensors",
           fields.label(), printable(key, 40));
    }
    learned.calibration.types[*type] = types.number(key, 1 / kMost, kMost);
  }
  return learned;
}

json machine_to_json(const PlanMachine& machine) {
  json value = {{"cpu", machine.cpu},
                {"system", machine.system},
                {"threads", machine.threads},
                {"memory_bytes", machine.memory_bytes},
                {"read_gb_per_s", machine.read_gb_per_s},
                {"read_gb_per_s_range", interval_to_json(machine.read_gb_per_s_range)},
                {"fma_gflop_per_s", machine.fma_gflop_per_s},
                {"int8_gop_per_s", machine.int8_gop_per_s}};
  if (machine.wall_watts) value["wall_watts"] = *machine.wall_watts;
  if (machine.learned) value["learned"] = learned_to_json(*machine.learned);
  for (const PlanDevice& device : machine.devices) value["devices"].push_back(to_json(device));
  return value;
}

PlanMachine machine_from_json(const Fields& fields) {
  fields.only({"cpu", "system", "threads", "memory_bytes", "read_gb_per_s", "read_gb_per_s_range",
               "fma_gflop_per_s", "int8_gop_per_s", "wall_watts", "learned", "devices"});
  PlanMachine machine;
  machine.cpu = fields.text("cpu");
  machine.system = fields.text("system");
  machine.threads = static_cast<unsigned>(fields.integer("threads", 1, 4096));
  machine.memory_bytes = fields.integer("memory_bytes", 0, std::uint64_t{1} << 50);
  machine.read_gb_per_s = fields.number("read_gb_per_s", 0, 1e6);
  machine.read_gb_per_s_range = interval_from_json(fields, "read_gb_per_s_range", 1e6);
  machine.fma_gflop_per_s = fields.number("fma_gflop_per_s", 0, 1e9);
  machine.int8_gop_per_s = fields.number("int8_gop_per_s", 0, 1e9);
  machine.wall_watts = fields.optional_number("wall_watts", kLeastWatts, kMostWatts);
  if (fields.has("learned")) machine.learned = learned_from_json(fields.object("learned"));
  if (fields.has("devices")) {
    constexpr std::size_t kMostDevices = 8;
    for (const Fields& device : fields.objects("devices", kMostDevices)) {
      machine.devices.push_back(plan_device_from_json(device));
    }
  }
  return machine;
}

json exclusions_to_json(const Exclusions& exclusions) {
  json value = {{"others_share_above", exclusions.others_share_above},
                {"swap_in_pages_above", exclusions.swap_in_pages_above},
                {"throttle_events_above", exclusions.throttle_events_above},
                {"slept_s_above", exclusions.slept_s_above},
                {"clock_jump_s_above", exclusions.clock_jump_s_above},
                {"no_verdict_above", exclusions.no_verdict_above}};
  if (exclusions.device) {
    value["device"] = {{"slowed_share_above", exclusions.device->slowed_share_above},
                       {"other_processes_above", exclusions.device->other_processes_above},
                       {"uncorrected_errors_above", exclusions.device->uncorrected_errors_above}};
  }
  return value;
}

DeviceExclusions device_exclusions_from_json(const Fields& fields) {
  fields.only({"slowed_share_above", "other_processes_above", "uncorrected_errors_above"});
  DeviceExclusions exclusions;
  const auto read = [&](const char* name, double& into) {
    if (fields.has(name)) into = fields.number(name, 0, 1e12);
  };
  read("slowed_share_above", exclusions.slowed_share_above);
  read("other_processes_above", exclusions.other_processes_above);
  read("uncorrected_errors_above", exclusions.uncorrected_errors_above);
  return exclusions;
}

Exclusions exclusions_from_json(const Fields& fields) {
  fields.only({"others_share_above", "swap_in_pages_above", "throttle_events_above",
               "slept_s_above", "clock_jump_s_above", "no_verdict_above", "device"});
  Exclusions exclusions;
  const auto read = [&](const char* name, double& into) {
    if (fields.has(name)) into = fields.number(name, 0, 1e12);
  };
  if (fields.has("device")) {
    exclusions.device = device_exclusions_from_json(fields.object("device"));
  }
  read("others_share_above", exclusions.others_share_above);
  read("swap_in_pages_above", exclusions.swap_in_pages_above);
  read("throttle_events_above", exclusions.throttle_events_above);
  read("slept_s_above", exclusions.slept_s_above);
  read("clock_jump_s_above", exclusions.clock_jump_s_above);
  read("no_verdict_above", exclusions.no_verdict_above);
  return exclusions;
}

void read_cells(const Fields& fields, Plan& plan) {
  std::set<std::string> seen;
  for (const Fields& cell : fields.objects("cells", kMostCells)) {
    plan.cells.push_back(cell_from_json(cell));
    if (!seen.insert(plan.cells.back().id).second) {
      fail(ExitCode::integrity, "{}.id '{}' stands twice; expected each cell once", cell.label(),
           plan.cells.back().id);
    }
  }
  if (plan.cells.empty()) {
    fail(ExitCode::integrity, "{}.cells is empty; expected at least one cell", fields.label());
  }
  const std::string reference = fields.text_or("reference", plan.cells.front().id);
  const Cell* found = plan.find(reference);
  if (found == nullptr) {
    fail(ExitCode::integrity, "{}.reference names '{}', which is no cell of this plan",
         fields.label(), reference);
  }
  plan.reference = static_cast<std::size_t>(found - plan.cells.data());
}

void read_design(const Fields& fields, Plan& plan) {
  if (fields.has("thresholds")) plan.thresholds = thresholds_from_json(fields.object("thresholds"));
  if (fields.has("extensions")) {
    std::size_t before = plan.blocks;
    for (const double blocks : fields.numbers("extensions", 8, 1, 1000)) {
      if (blocks != std::floor(blocks) || blocks <= static_cast<double>(before)) {
        fail(ExitCode::integrity, "{}.extensions holds {} after {}; expected whole, rising numbers",
             fields.label(), blocks, before);
      }
      before = static_cast<std::size_t>(blocks);
      plan.extensions.push_back(before);
    }
  }
  if (!fields.has("design")) return;
  plan.design = design_from_json(fields.object("design"));
  for (const std::string& id : plan.design.cells()) {
    if (plan.find(id) == nullptr) {
      fail(ExitCode::integrity, "{}.design names '{}', which is no cell of this plan",
           fields.label(), id);
    }
    if (!plan.find(id)->own()) {
      fail(ExitCode::integrity,
           "{}.design names '{}', a cell of another engine; expected cells of this program",
           fields.label(), id);
    }
  }
  for (const std::string& id : plan.design.cells()) {
    if (plan.find(id)->device == plan.tested_device()) continue;
    fail(ExitCode::integrity,
         "{}.design names '{}' on device '{}' beside cells on '{}'; expected one device for all",
         fields.label(), id, plan.find(id)->device, plan.tested_device());
  }
  double emptier = 0;
  for (const std::string& id : plan.design.fills) {
    const Cell& cell = *plan.find(id);
    if (cell.work != Work::fill || cell.fill <= emptier) {
      fail(ExitCode::integrity,
           "{}.design.fills: cell '{}' fills no memory, or less than the one before",
           fields.label(), id);
    }
    emptier = cell.fill;
  }
  for (const std::string& id :
       {plan.design.treated, plan.design.compute_control, plan.design.overhead_control}) {
    if (!id.empty() && plan.find(id)->work != Work::treatments) {
      fail(ExitCode::integrity, "{}.design: cell '{}' has no treatments", fields.label(), id);
    }
  }
}

void read_expectations(const Fields& fields, Plan& plan) {
  if (fields.has("predictions")) {
    for (const Fields& prediction : fields.objects("predictions", 4 * kMostCells)) {
      plan.predictions.push_back(prediction_from_json(prediction));
      if (plan.find(plan.predictions.back().cell) == nullptr) {
        fail(ExitCode::integrity, "{}.cell names '{}', which is no cell of this plan",
             prediction.label(), plan.predictions.back().cell);
      }
    }
  }
  if (fields.has("hypotheses")) {
    for (const Fields& item : fields.objects("hypotheses", 32)) {
      item.only({"id", "claim", "threshold", "untested"});
      plan.hypotheses.push_back({item.text("id"), item.text("claim"), item.text("threshold"),
                                 item.text_or("untested", "")});
    }
  }
  if (fields.has("left_out")) {
    for (const Fields& item : fields.objects("left_out", kMostCells)) {
      item.only({"what", "why"});
      plan.left_out.push_back({item.text("what"), item.text("why")});
    }
  }
}

}  // namespace

const PlanDevice* PlanMachine::find(std::string_view device) const {
  const auto found = std::find_if(devices.begin(), devices.end(),
                                  [&](const PlanDevice& d) { return d.device == device; });
  return found == devices.end() ? nullptr : &*found;
}

const Cell* Plan::find(std::string_view cell) const {
  const auto found =
      std::find_if(cells.begin(), cells.end(), [&](const Cell& c) { return c.id == cell; });
  return found == cells.end() ? nullptr : &*found;
}

std::vector<std::string> Plan::devices() const {
  std::vector<std::string> found;
  for (const Cell& cell : cells) {
    if (std::find(found.begin(), found.end(), cell.device) == found.end()) {
      found.push_back(cell.device);
    }
  }
  return found;
}

std::string Plan::tested_device() const {
  const std::vector<std::string> tested = design.cells();
  return tested.empty() ? std::string(kCpu) : find(tested.front())->device;
}

std::size_t Plan::trials(std::size_t of_blocks) const {
  return of_blocks * full_schedule().front().size();
}

std::vector<std::vector<std::size_t>> Plan::schedule() const {
  return make_schedule(seed, blocks, cells.size(), reference);
}

std::vector<std::vector<std::size_t>> Plan::full_schedule() const {
  return make_schedule(seed, extensions.empty() ? blocks : extensions.back(), cells.size(),
                       reference);
}

json to_json(const Plan& plan) {
  json value = {{"format", kFormat},
                {"kind", plan.kind},
                {"created", plan.created},
                {"program_version", plan.program_version},
                {"machine", machine_to_json(plan.machine)},
                {"seed", plan.seed},
                {"blocks", plan.blocks},
                {"reference", plan.cells.at(plan.reference).id},
                {"exclusions", exclusions_to_json(plan.exclusions)},
                {"estimate_s", plan.estimate_s},
                {"cells", json::array()},
                {"predictions", json::array()},
                {"hypotheses", json::array()},
                {"left_out", json::array()}};
  if (!plan.design.empty()) {
    value["design"] = to_json(plan.design);
    value["thresholds"] = to_json(plan.thresholds);
  }
  if (!plan.extensions.empty()) value["extensions"] = plan.extensions;
  for (const Cell& cell : plan.cells) value["cells"].push_back(to_json(cell));
  for (const auto& prediction : plan.predictions) {
    value["predictions"].push_back(prediction_to_json(prediction));
  }
  for (const auto& hypothesis : plan.hypotheses) {
    json item = {
        {"id", hypothesis.id}, {"claim", hypothesis.claim}, {"threshold", hypothesis.threshold}};
    if (!hypothesis.untested.empty()) item["untested"] = hypothesis.untested;
    value["hypotheses"].push_back(std::move(item));
  }
  for (const auto& item : plan.left_out) {
    value["left_out"].push_back({{"what", item.what}, {"why", item.why}});
  }
  return value;
}

Plan plan_from_json(const json& value, const std::string& label) {
  const Fields fields(value, label);
  fields.only({"format", "kind", "created", "program_version", "machine", "seed", "blocks",
               "extensions", "reference", "design", "thresholds", "exclusions", "estimate_s",
               "cells", "predictions", "hypotheses", "left_out"});
  if (const std::string format = fields.text("format"); format != kFormat) {
    fail(ExitCode::integrity, "{}.format is '{}'; expected '{}'", label, format, kFormat);
  }
  Plan plan;
  plan.kind = fields.text_or("kind", plan.kind);
  plan.created = fields.text_or("created", "");
  plan.program_version = fields.text_or("program_version", "");
  if (fields.has("machine")) plan.machine = machine_from_json(fields.object("machine"));
  if (fields.has("seed")) plan.seed = fields.integer("seed", 0, UINT32_MAX);
  if (fields.has("blocks")) plan.blocks = fields.integer("blocks", 1, 1000);
  if (fields.has("estimate_s")) plan.estimate_s = fields.number("estimate_s", 0, 1e9);
  if (fields.has("exclusions")) plan.exclusions = exclusions_from_json(fields.object("exclusions"));
  read_cells(fields, plan);
  read_design(fields, plan);
  read_expectations(fields, plan);
  return plan;
}

}  // namespace ceiling::lab
