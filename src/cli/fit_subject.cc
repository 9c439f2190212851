#include "cli/fit_subject.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "fit/table.h"
#include "gguf/header.h"
#include "lab/ledger/directory.h"
#include "lab/planning/models.h"
#include "lab/planning/planner.h"
#include "model/header_program.h"
#include "model/known_models.h"
#include "model/recipes.h"
#include "os/cpu.h"
#include "os/files.h"
#include "os/memory.h"

namespace ceiling::cli {

ThisMachine measure_this_machine(double bandwidth_gb_per_s) {
  ThisMachine out;
  out.hardware.kind = fit::Kind::cpu;
  out.hardware.vendor = "generic";
  out.hardware.family = "CPU desktop";
  out.hardware.memory_bytes = {static_cast<double>(os::memory_info().total.value)};
  out.rates.threads = os::default_threads();
  if (bandwidth_gb_per_s > 0) {
    out.hardware.name = "this machine";
    out.rates.read = {bandwidth_gb_per_s * 1e9};
  } else {
    Progress line("measuring this machine's memory", 0);
    const lab::PlanMachine machine = lab::measure_machine();
    out.hardware.name = machine.cpu;
    out.rates = {{machine.read_gb_per_s * 1e9}, machine.int8_gop_per_s * 1e9, machine.threads};
  }
  out.hardware.bandwidth = out.rates.read;
  return out;
}

std::vector<fit::MeasuredShare> lab_shares(const std::string& directory) {
  const lab::RunDirectory run = lab::RunDirectory::open(directory);
  const lab::Plan plan = run.read_plan();
  const fit::Table results = fit::Table::parse(os::read_file(run.results()), run.results());
  results.require({"cell", "excluded", "share_of_ceiling"});
  std::map<std::string, std::vector<double>, std::less<>> shares;
  for (const fit::TableRow& row : results.rows()) {
    if (!results.cell(row, "excluded").empty()) continue;
    if (const auto share = results.positive(row, "share_of_ceiling")) {
      shares[std::string(results.cell(row, "cell"))].push_back(*share);
    }
  }
  std::vector<fit::MeasuredShare> out;
  for (const lab::Cell& cell : plan.cells) {
    // Cold starts and interventions teach other things.
    if (cell.work != lab::Work::decode || !cell.own()) continue;
    const auto found = shares.find(cell.id);
    if (found == shares.end()) continue;
    std::vector<double>& values = found->second;
    std::ranges::sort(values);
    out.push_back(
        {lab::cell_program(cell), cell.prompt_tokens, cell.most_tokens, values[values.size() / 2]});
  }
  if (out.empty()) {
    fail(ExitCode::usage, "'{}' holds no trial that can be used: give the folder of a lab run",
         printable(directory, 100));
  }
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
  return find_shape(name);  // throws, with the names there are
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
