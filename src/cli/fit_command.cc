// ceiling fit: what fits, how fast it will run, and on which machine.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/fit_flags.h"
#include "cli/fit_report.h"
#include "cli/fit_subject.h"
#include "cli/left_out_report.h"
#include "lab/ledger/directory.h"
#include "lab/ledger/earlier_lab.h"
#include "lab/ledger/left_out.h"
#include "lab/protocol/verify.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

using Flags = FitFlags;

void print_json(const nlohmann::ordered_json& value) {
  fmt::print("{}\n", value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::vector<FitModel> models_of(const Flags& flags) {
  if (!flags.model.empty()) {
    std::vector<FitModel> one;
    one.push_back(model_of_file(flags.model));
    return one;
  }
  const std::string type = flags.type.empty() ? "Q4_K_M" : flags.type;
  std::vector<FitModel> out;
  if (!flags.shape.empty()) {
    out.push_back(model_of_shape(shape_named(flags.shape), type));
    return out;
  }
  for (const Shape& shape : shapes()) out.push_back(model_of_shape(shape, type));
  return out;
}

KvType kv_of(const Flags& flags) { return flags.kv == "q8_0" ? KvType::q8_0 : KvType::f16; }

void apply_overrides(const Flags& flags, fit::Question& question) {
  if (flags.bandwidth > 0) question.hardware.bandwidth = {flags.bandwidth * 1e9};
  if (flags.host_bandwidth > 0) question.host.bandwidth = {flags.host_bandwidth * 1e9};
  if (!flags.memory.empty()) question.memory_bytes = parse_capacity(flags.memory).value;
  if (!flags.host_memory.empty()) {
    question.host.memory_bytes = parse_capacity(flags.host_memory).value;
  }
  if (question.memory_bytes == 0 && !flags.memory.empty()) {
    fail(ExitCode::usage, "--memory is {}; expected more than 0", flags.memory);
  }
  if (!flags.usable.empty()) {
    question.usable_bytes = parse_capacity(flags.usable).value;
    if (question.usable_bytes == 0) {
      fail(ExitCode::usage, "--usable is {}; expected more than 0", flags.usable);
    }
  }
  if (question.host.memory_bytes == 0) {
    fail(ExitCode::usage, "--host-memory is {}; expected more than 0", flags.host_memory);
  }
  if (!flags.backend.empty()) {
    const auto backend = fit::backend_from_name(flags.backend);
    if (!backend) {
      fail(ExitCode::usage,
           "--backend is '{}'; expected cuda, metal, vulkan, rocm, sycl, opencl, cpu or small_host",
           printable(flags.backend, 40));
    }
    if (!fit::runs_on(*backend, question.hardware)) {
      fail(ExitCode::usage, "--backend {} does not run on {}: its usual one is {}", flags.backend,
           question.hardware.name, name(fit::usual_engine(question.hardware).backend));
    }
    question.engine.backend = *backend;
  }
  question.engine.threads = flags.threads;
  question.kv = kv_of(flags);
  question.prompt = flags.prompt;
}

fit::Question question_about(const fit::Hardware& hardware, const Flags& flags) {
  fit::Question question;
  question.hardware = hardware;
  question.engine = fit::usual_engine(hardware);
  if (!hardware.memory_bytes.empty()) {
    question.memory_bytes = static_cast<std::uint64_t>(hardware.memory_bytes.back());
  }
  apply_overrides(flags, question);
  return question;
}

fit::Question with_model(fit::Question question, const FitModel& model, const Flags& flags) {
  constexpr std::uint32_t kUsualContext = 4096;
  question.model = model.name;
  question.type = model.type;
  question.type_class = model.type_class;
  question.context =
      flags.context > 0 ? flags.context : std::min(kUsualContext, model.program.context_limit);
  return question;
}

// Answers for the named hardware, or for this machine.
class Planner {
 public:
  explicit Planner(const Flags& flags) : flags_(flags) {
    if (!flags.hardware.empty()) {
      hardware_ = fit::find_hardware(flags.hardware);
      return;
    }
    if (flags.threads > 0) {
      fail(ExitCode::usage,
           "--threads needs --hardware: this machine is measured with those it has");
    }
    ThisMachine here = measure_this_machine(flags.bandwidth, flags.lab);
    hardware_ = here.hardware;
    rates_ = here.rates;
    learned_ = lab::learned_text(here.described);
  }

  // Where the speeds come from, in a line; empty for a machine of the catalogue.
  std::string source() const {
    return rates_ ? fmt::format("  speeds       {}\n", learned_) : std::string();
  }

  fit::Question question() const { return question_about(hardware_, flags_); }

  Answered ask(const fit::Question& question, const FitModel& model) const {
    const fit::SpeedModel& speeds = fit::SpeedModel::fitted();
    if (!rates_) {
      return {question, fit::answer(question, model.program, speeds), {}, model.source};
    }
    fit::MachineRates rates = *rates_;
    rates.read = question.hardware.bandwidth;
    return {question, fit::answer_here(question, model.program, speeds, rates), learned_,
            model.source};
  }

 private:
  const Flags& flags_;
  fit::Hardware hardware_;
  std::optional<fit::MachineRates> rates_;  // of this machine
  std::string learned_;
};

// For questions about one model. The smallest of all sizes would be a surprise.
FitModel the_model_of(const Flags& flags, const char* asked) {
  if (flags.model.empty() && flags.shape.empty()) {
    fail(ExitCode::usage, "{} asks about one model: name it, as --shape 70B or -m FILE", asked);
  }
  return std::move(models_of(flags).front());
}

void print_answers(const Flags& flags) {
  const std::vector<FitModel> models = models_of(flags);
  const Planner planner(flags);
  std::vector<Answered> answers;
  std::vector<std::string> too_long;
  for (const FitModel& model : models) {
    // In a list of sizes a context may be beyond some of them.
    if (models.size() > 1 && flags.context > model.program.context_limit) {
      too_long.push_back(model.name);
      continue;
    }
    answers.push_back(planner.ask(with_model(planner.question(), model, flags), model));
  }
  if (answers.empty()) {
    fail(ExitCode::usage, "context {} is beyond every size there is", flags.context);
  }
  if (flags.json) return print_json(fit_json(answers));
  fmt::print("{}{}", fit_text(answers), planner.source());
  for (const std::string& name : too_long) {
    fmt::print("  {} was not trained for a context of {}\n", name, flags.context);
  }
}

void print_what_if(const Flags& flags) {
  const FitModel model = the_model_of(flags, "--what-if");
  const Planner planner(flags);
  const fit::Question question = with_model(planner.question(), model, flags);
  const Answered before = planner.ask(question, model);
  std::vector<std::string> changes = flags.what_if;
  std::vector<Answered> after;
  fit::Question all = question;
  for (const std::string& change : flags.what_if) {
    after.push_back(planner.ask(fit::changed(question, change), model));
    all = fit::changed(all, change);
  }
  if (changes.size() > 1) {
    changes.emplace_back("all of them");
    after.push_back(planner.ask(all, model));
  }
  if (!flags.json) {
    fmt::print("{}{}", what_if_text(before, changes, after), planner.source());
    return;
  }
  nlohmann::ordered_json out = {{"before", fit_json({before}).front()},
                                {"after", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < after.size(); ++i) {
    nlohmann::ordered_json entry = {{"change", changes[i]}};
    entry.update(fit_json({after[i]}).front());
    out["after"].push_back(std::move(entry));
  }
  print_json(out);
}

void print_wanted(const Flags& flags) {
  const FitModel model = the_model_of(flags, "--want");
  fit::Question question;
  question.prompt = flags.prompt;
  question.kv = kv_of(flags);
  question = with_model(question, model, flags);
  const auto found =
      fit::machines_reaching(flags.want, question, model.program, fit::SpeedModel::fitted());
  if (!flags.json) {
    fmt::print("{}", want_text(flags.want, found));
    return;
  }
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const fit::Candidate& candidate : found) {
    nlohmann::ordered_json entry = {{"surely", candidate.surely}};
    entry.update(fit_json({{candidate.machine, candidate.answer, {}, model.source}}).front());
    out.push_back(std::move(entry));
  }
  print_json(out);
}

void print_recommendations(const Flags& flags) {
  const Planner planner(flags);
  const Shape& shape = shape_named(flags.shape.empty() ? "8B" : flags.shape);
  fit::Question question = planner.question();
  question.model = shape.name;
  question.context = flags.context > 0 ? flags.context : std::min(4096U, shape.context);
  auto recommendations = fit::recommend(question, shape, fit::SpeedModel::fitted());
  for (fit::Recommendation& r : recommendations) {  // speeds from this machine's own rates
    if (r.type.empty()) continue;
    const FitModel model = model_of_shape(shape, r.type);
    r.answer = planner.ask(with_model(question, model, flags), model).answer;
  }
  if (flags.json) return print_json(recommend_json(recommendations));
  fmt::print("{}{}", recommend_text(question, recommendations), planner.source());
}

// "A,B" or, for names that hold commas, "A;B".
std::vector<std::string> split_names(const std::string& text) {
  const char separator = text.find(';') != std::string::npos ? ';' : ',';
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    std::string name = text.substr(begin, end - begin);
    name.erase(0, name.find_first_not_of(' '));
    if (!name.empty()) out.push_back(std::move(name));
    begin = end + 1;
  }
  return out;
}

void print_comparison(const Flags& flags) {
  std::vector<fit::Curve> curves;
  const std::vector<std::string> types = flags.type.empty()
                                             ? std::vector<std::string>{"Q4_K_M", "Q8_0", "F16"}
                                             : std::vector<std::string>{flags.type};
  for (const std::string& name : split_names(flags.compare)) {
    fit::Question machine = question_about(fit::find_hardware(name), flags);
    machine.context = flags.context > 0 ? flags.context : 4096;
    curves.push_back(fit::speed_curve(machine, types, fit::SpeedModel::fitted()));
  }
  if (curves.empty()) fail(ExitCode::usage, "--compare names no hardware");
  if (flags.json) {
    print_json(compare_json(curves));
  } else {
    fmt::print("{}", compare_text(curves));
  }
  if (!flags.report) return;
  const std::string path = flags.output.empty() ? "compare.html" : flags.output;
  os::write_file(path, compare_page(curves, fmt::format("ceiling fit --compare \"{}\" --report",
                                                        flags.compare)));
  fmt::print(stderr, "{}\n", path);
}

void print_validation(const Flags& flags) {
  const fit::Published published =
      fit::read_published(os::read_file(flags.validate), flags.validate);
  if (flags.workloads) {
    fmt::print("{}\n", fit::workloads_json(published).dump(1));
    return;
  }
  const auto rows = fit::judge(published, fit::SpeedModel::fitted());
  if (flags.json) {
    print_json(fit::to_json(published, rows));
  } else {
    fmt::print("{}", validation_text(published, rows));
  }
}

void print_left_out(const Flags& flags) {
  const lab::RunDirectory run = lab::RunDirectory::open(flags.lab);
  lab::require_sound(run);
  const lab::Plan plan = run.read_plan();
  const std::vector<lab::ToldCell> cells = lab::leave_each_out(run);
  if (flags.json) return print_json(left_out_json(plan, cells));
  fmt::print("{}", left_out_text(plan, cells));
}

void run(const Flags& flags) {
  if (flags.describe) {
    fmt::print("{}", catalogue_row(measure_this_machine(flags.bandwidth, flags.lab)));
    return;
  }
  if (flags.leave_out) {
    print_left_out(flags);
  } else if (!flags.validate.empty()) {
    print_validation(flags);
  } else if (!flags.compare.empty()) {
    print_comparison(flags);
  } else if (flags.want > 0) {
    print_wanted(flags);
  } else if (flags.recommend) {
    print_recommendations(flags);
  } else if (!flags.what_if.empty()) {
    print_what_if(flags);
  } else {
    print_answers(flags);
  }
}

}  // namespace

void add_fit_command(CLI::App& app) {
  auto flags = std::make_shared<FitFlags>();
  CLI::App* command = app.add_subcommand(
      "fit", "What fits a machine, how fast it will run, and which machine to choose");
  add_fit_flags(*command, *flags);
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
