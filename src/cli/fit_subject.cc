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
#include "base/units.h"
#include "gguf/header.h"
#include "lab/ledger/directory.h"
#include "lab/ledger/earlier_lab.h"
#include "lab/planning/planner.h"
#include "lab/protocol/verify.h"
#include "model/header_program.h"
#include "model/known_models.h"
#include "model/recipes.h"
#include "store/remote_header.h"

namespace ceiling::cli {

ThisMachine measure_this_machine(double bandwidth_gb_per_s, const std::string& lab_folder) {
  ThisMachine out;
  std::optional<lab::RunDirectory> run;
  if (!lab_folder.empty()) {  // before two seconds are spent
    run = lab::RunDirectory::open(lab_folder);
    lab::require_sound(*run);
  }
  if (bandwidth_gb_per_s > 0) {
    out.described = lab::describe_machine();
    out.described.read_gb_per_s = bandwidth_gb_per_s;
  } else {
    Progress line("measuring this machine's memory", 0);
    out.described = lab::measure_machine();
  }
  out.described.learned = run ? lab::learn_from(*run, out.described)
                              : lab::learn_from_latest({std::string(lab::kRunsFolder)},
                                                       out.described, lab::require_sound);
  out.rates = lab::rates_of(out.described);
  out.hardware.name = bandwidth_gb_per_s > 0 ? "this machine" : out.described.cpu;
  out.hardware.kind = fit::Kind::cpu;
  out.hardware.vendor = "generic";
  out.hardware.family = "CPU desktop";
  out.hardware.memory_bytes = {static_cast<double>(out.described.memory_bytes)};
  out.hardware.bandwidth = out.rates.read;
  out.hardware.cpu_threads = out.rates.threads;
  return out;
}

std::string catalogue_row(const ThisMachine& here) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::string name = here.hardware.name;
  std::ranges::replace(name, '"', '\'');
  std::string out =
      "name,vendor,kind,family,chip,memory_gb_options,bandwidth_gb_s,bus_bits,gbit_s_per_pin,"
      "fp16_tflops,fp32_tflops,pcie_gb_s,tdp_w,release_year,cpu_threads,source\n";
  return out + fmt::format(
                   "\"{}\",generic,cpu,CPU desktop,\"{}\",{:.0f},{:.1f},,,,,,,,{},\"read rate "
                   "measured by "
                   "ceiling probe on {:%Y-%m-%d}; the vendor's peak is higher\"\n",
                   name, name, here.hardware.memory_bytes.front() / (1U << 30U),
                   here.hardware.bandwidth.gb_per_s(), here.rates.threads, fmt::gmtime(now));
}

FitModel model_of_shape(const Shape& shape, const std::string& type) {
  const auto file_type = fit::read_file_type(type);
  return {.program = shape_program(shape, type),
          .name = shape.name,
          .type = type,
          .type_class = file_type ? file_type->type : fit::TypeClass::super_blocks,
          .source = {}};
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

namespace {

FitModel model_of_header(const gguf::Header& header, const std::string& name) {
  FitModel model{.program = build_program(header), .name = name, .type = {}, .source = {}};
  const auto type = header.metadata.u32("general.file_type");
  const auto recipe = type ? recipe_of_file_type(*type) : std::nullopt;
  model.type = recipe ? std::string(*recipe) : "mixed";
  if (const auto file_type = fit::read_file_type(model.type)) model.type_class = file_type->type;
  if (const auto title = header.metadata.string("general.name")) {
    model.name = printable(std::string(*title), 40);
  }
  return model;
}

std::string read_of_whole(const store::RemoteHeader& remote) {
  const std::string read = format_capacity({remote.read_bytes});
  return remote.file_bytes == 0
             ? fmt::format("first {} of {}", read, printable(remote.url, 200))
             : fmt::format("first {} of {} at {}", read, format_capacity({remote.file_bytes}),
                           printable(remote.url, 200));
}

}  // namespace

FitModel model_of_file(const std::string& path) {
  if (!store::is_remote(path)) return model_of_header(gguf::read_header(path), path);
  const Progress line("reading the header of " + printable(path, 60), 0);
  const store::RemoteHeader remote = store::read_remote_header(path);
  FitModel model = model_of_header(remote.header, printable(path, 60));
  model.source = read_of_whole(remote);
  return model;
}

}  // namespace ceiling::cli
