#include "cli/fit_subject.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/edit_distance.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "gguf/header.h"
#include "lab/ledger/directory.h"
#include "lab/ledger/earlier_lab.h"
#include "lab/planning/planner.h"
#include "model/header_program.h"
#include "model/known_models.h"
#include "model/recipes.h"

namespace ceiling::cli {

ThisMachine measure_this_machine(double bandwidth_gb_per_s, const std::string& lab_directory) {
  ThisMachine out;
  if (bandwidth_gb_per_s > 0) {
    out.described = lab::describe_machine();
    out.described.read_gb_per_s = bandwidth_gb_per_s;
  } else {
    Progress line("measuring this machine's memory", 0);
    out.described = lab::measure_machine();
  }
  out.described.learned =
      lab_directory.empty()
          ? lab::learn_from_latest({std::string(lab::kRunsFolder)}, out.described)
          : lab::learn_from(lab::RunDirectory::open(lab_directory), out.described);
  out.rates = lab::rates_of(out.described);
  out.hardware.name = bandwidth_gb_per_s > 0 ? "this machine" : out.described.cpu;
  out.hardware.kind = fit::Kind::cpu;
  out.hardware.vendor = "generic";
  out.hardware.family = "CPU desktop";
  out.hardware.memory_bytes = {static_cast<double>(out.described.memory_bytes)};
  out.hardware.bandwidth = out.rates.read;
  return out;
}

std::string catalogue_row(const ThisMachine& here) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::string name = here.hardware.name;
  std::ranges::replace(name, '"', '\'');
  std::string out =
      "name,vendor,kind,family,chip,memory_gb_options,bandwidth_gb_s,bus_bits,gbit_s_per_pin,"
      "fp16_tflops,fp32_tflops,pcie_gb_s,tdp_w,release_year,source\n";
  return out +
         fmt::format(
             "\"{}\",generic,cpu,CPU desktop,\"{}\",{:.0f},{:.1f},,,,,,,,\"read rate measured by "
             "ceiling probe on {:%Y-%m-%d}; the vendor's peak is higher\"\n",
             name, name, here.hardware.memory_bytes.front() / (1U << 30U),
             here.hardware.bandwidth.gb_per_s(), fmt::gmtime(now));
}

FitModel model_of_shape(const Shape& shape, const std::string& type) {
  const auto file_type = fit::read_file_type(type);
  return {shape_program(shape, type), shape.name, type,
          file_type ? file_type->type : fit::TypeClass::super_blocks};
}

const Shape& shape_named(const std::string& name) {
  if (const KnownModel* known = find_known_model(name)) return known->shape;
  const std::string wanted = plain_name(name);
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const KnownModel& model : known_models()) {
    near.emplace_back(edit_distance(wanted, plain_name(model.shape.name)), model.shape.name);
  }
  fail(ExitCode::usage,
       "model '{}' is unknown: nearest are {}; sizes such as 8B and 70B, and a file (-m), do too",
       printable(name, 60), fmt::join(nearest_three(std::move(near)), "; "));
}

FitModel model_of_file(const std::string& path) {
  const gguf::Header header = gguf::read_header(path);
  FitModel model{.program = build_program(header), .name = path, .type = {}};
  const auto type = header.metadata.u32("general.file_type");
  const auto recipe = type ? recipe_of_file_type(*type) : std::nullopt;
  model.type = recipe ? std::string(*recipe) : "mixed";
  if (const auto file_type = fit::read_file_type(model.type)) model.type_class = file_type->type;
  if (const auto title = header.metadata.string("general.name")) {
    model.name = printable(std::string(*title), 40);
  }
  return model;
}

}  // namespace ceiling::cli
