#include "lab/plan/cell.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "base/units.h"
#include "engine/devices.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

json model_to_json(const Cell& cell) {
  if (const auto* file = std::get_if<FileModel>(&cell.model)) {
    return {{"kind", "file"}, {"file", file->file}};
  }
  const auto& synthetic = std::get<SyntheticModel>(cell.model);
  return {{"kind", "synthetic"},
          {"shape", synthetic.shape},
          {"recipe", synthetic.recipe},
          {"seed", synthetic.seed},
          {"vocabulary", synthetic.vocabulary}};
}

std::variant<FileModel, SyntheticModel> model_from_json(const Fields& fields) {
  const std::string kind = fields.text("kind");
  if (kind == "file") {
    fields.only({"kind", "file"});
    return FileModel{fields.text("file")};
  }
  if (kind != "synthetic") {
    fail(ExitCode::integrity, "{}.kind is '{}'; expected file or synthetic", fields.label(), kind);
  }
  fields.only({"kind", "shape", "recipe", "seed", "vocabulary"});
  SyntheticModel model;
  model.shape = fields.text("shape");
  model.recipe = fields.text("recipe");
  if (fields.has("seed")) model.seed = fields.integer("seed", 0, UINT32_MAX);
  if (fields.has("vocabulary")) {
    model.vocabulary = static_cast<std::uint32_t>(fields.integer("vocabulary", 256, 1'000'000));
  }
  return model;
}

Work work_from_json(const Fields& fields) {
  if (!fields.has("work")) return Work::decode;
  const std::string text = fields.text("work");
  for (const Work work : {Work::decode, Work::cold_load, Work::treatments, Work::fill}) {
    if (text == name(work)) return work;
  }
  fail(ExitCode::integrity, "{}.work is '{}'; expected decode, cold-load, treatments or fill",
       fields.label(), text);
}

FillBy fill_by_from_json(const Fields& fields) {
  if (!fields.has("fill_by")) return FillBy::group;
  const std::string text = fields.text("fill_by");
  for (const FillBy by : {FillBy::group, FillBy::ballast, FillBy::budget}) {
    if (text == name(by)) return by;
  }
  fail(ExitCode::integrity, "{}.fill_by is '{}'; expected group, ballast or budget", fields.label(),
       text);
}

std::uint64_t limit_from_json(const Fields& fields, const Cell& cell) {
  if (cell.work != Work::fill || cell.fill_by != FillBy::budget || fields.has("fill")) {
    fail(ExitCode::integrity,
         "{} has limit_bytes; expected it with work 'fill' and fill_by 'budget' alone, in place of "
         "'fill'",
         fields.label());
  }
  return static_cast<std::uint64_t>(
      fields.integer("limit_bytes", kLeastLimitBytes, kMostLimitBytes));
}

std::string device_from_json(const Fields& fields, const std::string& otherwise) {
  std::string device = fields.text_or("device", otherwise);
  const std::vector<std::string_view> known = device_names();
  if (std::find(known.begin(), known.end(), device) == known.end()) {
    fail(ExitCode::integrity, "{}.device is '{}'; expected one of {}", fields.label(),
         printable(device, 40), fmt::join(known, ", "));
  }
  return device;
}

// What a device other than the CPU cannot be asked for, and the CPU not.
void check_device(const Cell& cell, const std::string& label) {
  if (cell.work == Work::fill && cell.on_cpu() == (cell.fill_by == FillBy::budget)) {
    fail(ExitCode::integrity,
         "{} has fill_by {} and device '{}'; the CPU's memory is filled by group or ballast, "
         "another device's by budget",
         label, name(cell.fill_by), cell.device);
  }
  if (cell.fill_by == FillBy::budget && cell.work != Work::fill) {
    fail(ExitCode::integrity, "{} has fill_by budget and work '{}'; expected fill", label,
         name(cell.work));
  }
  if (cell.on_cpu()) return;
  if (cell.work == Work::treatments) {
    fail(ExitCode::integrity, "{} has treatments on device '{}'; only the cpu has kernels for them",
         label, cell.device);
  }
  if (!cell.own()) {
    fail(ExitCode::integrity, "{} has engine '{}' and device '{}'; another engine has none", label,
         name(cell.engine.kind), cell.device);
  }
}

std::uint32_t count(const Fields& fields, const char* name, std::uint32_t low, std::uint32_t high,
                    std::uint32_t otherwise) {
  if (!fields.has(name)) return otherwise;
  return static_cast<std::uint32_t>(fields.integer(name, low, high));
}

}  // namespace

std::string_view name(Work work) {
  switch (work) {
    case Work::cold_load:
      return "cold-load";
    case Work::treatments:
      return "treatments";
    case Work::fill:
      return "fill";
    default:
      return "decode";
  }
}

std::string_view name(FillBy fill_by) {
  switch (fill_by) {
    case FillBy::ballast:
      return "ballast";
    case FillBy::budget:
      return "budget";
    default:
      return "group";
  }
}

std::string Cell::title() const {
  return on_cpu() ? title_without_device()
                  : fmt::format("{} on {}", title_without_device(), device);
}

std::string Cell::title_without_device() const {
  const std::string title = fmt::format("{} at {}", size, type);
  if (!own()) return fmt::format("{}, {}", title, name(engine.kind));
  switch (work) {
    case Work::cold_load:
      return title + ", cold";
    case Work::treatments:
      return title + ", treated";
    case Work::fill:
      if (limit_bytes > 0) {
        return fmt::format("{} within {}", title, format_capacity({limit_bytes}));
      }
      return fmt::format("{}, memory {:.0f} % full", title, 100 * fill);
    default:
      return id.ends_with(kTwinSuffix) ? title + ", again" : title;
  }
}

json to_json(const Cell& cell) {
  json value = {{"id", cell.id},
                {"size", cell.size},
                {"type", cell.type},
                {"model", model_to_json(cell)},
                {"work", name(cell.work)},
                {"device", cell.device},
                {"threads", cell.threads},
                {"prompt_tokens", cell.prompt_tokens},
                {"least_tokens", cell.least_tokens},
                {"most_tokens", cell.most_tokens},
                {"most_decode_s", cell.most_decode_s}};
  if (!cell.own()) value["engine"] = to_json(cell.engine);
  if (cell.limit_bytes > 0) {
    value["limit_bytes"] = cell.limit_bytes;
  } else if (cell.work == Work::fill) {
    value["fill"] = cell.fill;
  }
  if (cell.fill_by != FillBy::group) value["fill_by"] = name(cell.fill_by);
  if (!cell.treatments.empty()) value["treatments"] = to_json(cell.treatments);
  return value;
}

Cell cell_from_json(const Fields& fields) {
  fields.only({"id", "size", "type", "model", "work", "treatments", "fill", "fill_by",
               "limit_bytes", "engine", "device", "threads", "prompt_tokens", "least_tokens",
               "most_tokens", "most_decode_s"});
  Cell cell;
  cell.id = fields.text("id");
  cell.size = fields.text("size");
  cell.type = fields.text("type");
  cell.model = model_from_json(fields.object("model"));
  cell.work = work_from_json(fields);
  if (fields.has("treatments")) cell.treatments = treatments_from_json(fields, "treatments");
  cell.fill_by = fill_by_from_json(fields);
  if (fields.has("limit_bytes")) {
    cell.limit_bytes = limit_from_json(fields, cell);
  } else if (cell.work == Work::fill) {
    cell.fill = fields.number("fill", 0.05, 2);
  }
  if (cell.fill_by == FillBy::ballast && (cell.work != Work::fill || cell.fill > 1)) {
    fail(ExitCode::integrity,
         "{} has fill_by ballast, work '{}' and fill {}; ballast fills memory up to 1 only",
         fields.label(), name(cell.work), cell.fill);
  }
  if (cell.treatments.empty() == (cell.work == Work::treatments)) {
    fail(ExitCode::integrity,
         "{} has {} treatments and work '{}'; expected some for treatments only", fields.label(),
         cell.treatments.size(), name(cell.work));
  }
  if (fields.has("engine")) cell.engine = engine_from_json(fields.object("engine"));
  if (!cell.own() && cell.work != Work::decode) {
    fail(ExitCode::integrity, "{} has engine '{}' and work '{}'; another engine does decode only",
         fields.label(), name(cell.engine.kind), name(cell.work));
  }
  cell.device = device_from_json(fields, cell.device);
  cell.threads = count(fields, "threads", 1, 4096, 0);
  cell.prompt_tokens = count(fields, "prompt_tokens", 1, 1U << 20, cell.prompt_tokens);
  cell.least_tokens = count(fields, "least_tokens", 1, 1U << 20, cell.least_tokens);
  cell.most_tokens = count(fields, "most_tokens", cell.least_tokens, 1U << 20,
                           std::max(cell.least_tokens, cell.most_tokens));
  if (fields.has("most_decode_s")) cell.most_decode_s = fields.number("most_decode_s", 0, 3600);
  check_device(cell, fields.label());
  return cell;
}

}  // namespace ceiling::lab
