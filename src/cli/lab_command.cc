// ceiling lab: plan, seal, run and reveal an experiment, in order or one at a time.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/terminal.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/lab_engines.h"
#include "cli/lab_export.h"
#include "cli/lab_import.h"
#include "cli/lab_progress.h"
#include "lab/json/canonical_json.h"
#include "lab/ledger/earlier_lab.h"
#include "lab/planning/device_probe.h"
#include "lab/planning/expectation.h"
#include "lab/planning/planner.h"
#include "lab/protocol/protocol.h"
#include "lab/protocol/signature.h"
#include "lab/protocol/verify.h"
#include "lab/report/report.h"
#include "lab/report/summary.h"
#include "os/files.h"
#include "os/interrupt.h"

namespace ceiling::cli {
namespace {

struct Flags {
  bool quick = false;
  bool extend = false;
  bool ballast = false;
  double watts = 0;  // 0: not given
  std::string plan_file, out, resume;
  std::vector<std::string> predictions, engines, served;
  std::vector<std::string> devices;  // empty: the CPU
  std::string device_memory;         // of a smaller card; empty: none
  std::size_t blocks = 0;
  long long seed = -1;
  std::string directory;  // of the subcommands
  std::string sign, signers, signer;
};

std::uint64_t seed_of(const Flags& flags) {
  return flags.seed >= 0 ? static_cast<std::uint64_t>(flags.seed) : std::random_device{}();
}

// With what earlier labs of it taught, where they are looked for: beside the new run too. Devices
// besides the CPU come first: one that is not there ends it at once.
lab::PlanMachine measured_machine(const Flags& flags, const std::vector<std::string>& devices) {
  Progress line("measuring what the memory allows", 0);
  line.label("measuring what the memory allows");
  std::vector<lab::PlanDevice> measured;
  for (const std::string& device : devices) {
    if (device != lab::kCpu) measured.push_back(lab::measure_device_apart(device));
  }
  lab::PlanMachine machine = lab::measure_machine();
  machine.devices = std::move(measured);
  std::vector<std::string> folders = {std::string(lab::kRunsFolder)};
  const std::string beside = std::filesystem::path(flags.out).parent_path().string();
  if (!beside.empty()) folders.push_back(beside);
  machine.learned = lab::learn_from_latest(folders, machine, lab::require_sound);
  return machine;
}

// Each once, in the order asked for.
std::vector<std::string> wanted_devices(const Flags& flags) {
  std::vector<std::string> devices;
  for (const std::string& device : flags.devices) {
    if (std::find(devices.begin(), devices.end(), device) == devices.end()) {
      devices.push_back(device);
    }
  }
  if (devices.empty()) devices.emplace_back(lab::kCpu);
  const bool cpu = std::find(devices.begin(), devices.end(), lab::kCpu) != devices.end();
  if (!cpu && devices.size() > 1) {
    fail(ExitCode::usage,
         "--device {}: one device alone, or several beside the cpu; for two of them say cpu,{}",
         fmt::join(devices, ","), fmt::join(devices, ","));
  }
  if (!cpu && !flags.engines.empty()) {
    fail(ExitCode::usage, "--engine measures on the cpu: add it, --device cpu,{}", devices.front());
  }
  return devices;
}

// 0: no smaller card is asked for.
std::uint64_t card_bytes(const Flags& flags, const std::vector<std::string>& devices) {
  if (flags.device_memory.empty()) return 0;
  if (devices.front() == lab::kCpu) {
    fail(ExitCode::usage,
         "--device-memory {}: a device's own cells are needed, as with --device cuda",
         flags.device_memory);
  }
  const std::uint64_t bytes = parse_capacity(flags.device_memory).value;
  if (bytes < lab::kLeastLimitBytes || bytes > lab::kMostLimitBytes) {
    fail(ExitCode::usage, "--device-memory {}: expected {} to {}, as 24GiB", flags.device_memory,
         format_capacity({lab::kLeastLimitBytes}), format_capacity({lab::kMostLimitBytes}));
  }
  return bytes;
}

lab::Plan plan_of(const Flags& flags) {
  lab::Plan plan;
  const std::vector<lab::EngineWish> engines = wanted_engines(flags.engines, flags.served);
  if (flags.plan_file.empty()) {
    const std::vector<std::string> devices = wanted_devices(flags);
    lab::Resources resources = lab::find_resources(flags.ballast);
    resources.card_bytes = card_bytes(flags, devices);
    const auto blocks = flags.blocks > 0 ? std::optional(flags.blocks) : std::nullopt;
    plan = lab::make_plan(flags.quick ? lab::Kind::quick : lab::Kind::standard,
                          measured_machine(flags, devices), resources, seed_of(flags), blocks,
                          engines, devices);
  } else if (!flags.devices.empty() || !flags.device_memory.empty()) {
    fail(
        ExitCode::usage,
        "--device and --device-memory with --plan: the plan's cells name their devices themselves");
  } else {
    const std::string text = os::read_file(flags.plan_file);
    plan = lab::plan_from_json(lab::parse_json(text, flags.plan_file), flags.plan_file);
    if (flags.blocks > 0) plan.blocks = flags.blocks;
    if (flags.seed >= 0) plan.seed = seed_of(flags);
    const lab::PlanMachine machine = measured_machine(flags, plan.devices());
    plan = lab::adopt_plan(std::move(plan), machine, engines);
  }
  if (flags.extend) lab::allow_extensions(plan);
  if (flags.watts > 0) plan.machine.wall_watts = flags.watts;
  return plan;
}

void describe(const lab::Plan& plan) {
  fmt::print("This machine: {}, memory read at {} GB/s by {} threads.\n", plan.machine.cpu,
             lab::shown(plan.machine.read_gb_per_s), plan.machine.threads);
  for (const lab::PlanDevice& device : plan.machine.devices) {
    fmt::print("Device {}: {}, its memory read at {} GB/s.\n", device.device, device.name,
               lab::shown(device.read_gb_per_s));
  }
  fmt::print("The program's predictions {}.\n", lab::learned_text(plan.machine));
  fmt::print("Lab L-001, {}: {} blocks, {} trials, each in a fresh process; about {}.\n", plan.kind,
             plan.blocks, plan.trials(plan.blocks), format_duration({plan.estimate_s}));
  if (!plan.extensions.empty()) {
    fmt::print("It may go on to {} blocks while the A/A cells are not shown to be the same.\n",
               fmt::join(plan.extensions, " or "));
  }
  for (const lab::Cell& cell : plan.cells) {
    fmt::print("  {:<16} {}\n", cell.id,
               cell.synthetic() ? "synthetic weights: speed only" : "real weights");
  }
  for (const lab::LeftOut& item : plan.left_out) {
    fmt::print("  left out: {}: {}\n", item.what, item.why);
  }
}

// One question a cell; Enter skips.
void ask_expectations(lab::Plan& plan) {
  fmt::print("What do you expect, in tokens/s? It is sealed before anything runs (Enter skips).\n");
  for (const lab::Cell& cell : plan.cells) {
    if (cell.work != lab::Work::decode || !cell.own() || plan.design.has(cell.id)) continue;
    while (true) {
      fmt::print("  {}: ", cell.title());
      std::fflush(stdout);
      std::string line;
      if (!std::getline(std::cin, line) || line.empty()) break;
      try {
        lab::expect(plan, lab::parse_expectation(cell.id + "=" + line, plan));
        break;
      } catch (const Error& error) {
        fmt::print("  {}\n", error.what());
      }
    }
  }
}

void add_expectations(const Flags& flags, lab::Plan& plan) {
  for (const std::string& text : flags.predictions) {
    lab::expect(plan, lab::parse_expectation(text, plan));
  }
  if (flags.predictions.empty() && stdin_is_terminal() && stdout_is_terminal()) {
    ask_expectations(plan);
  }
}

lab::RunDirectory write_plan(const Flags& flags) {
  lab::Plan plan = plan_of(flags);
  describe(plan);
  add_expectations(flags, plan);
  const auto directory =
      lab::RunDirectory::create(flags.out.empty() ? lab::RunDirectory::fresh_name() : flags.out);
  directory.write_plan(plan);
  return directory;
}

void seal(const lab::RunDirectory& directory, const Flags& flags) {
  // A seal that is there already may still be signed.
  if (flags.sign.empty() || !directory.sealed()) {
    fmt::print("Seal: {}\n(post it anywhere before the run ends: it proves what you expected)\n",
               lab::seal_plan(directory));
  }
  if (flags.sign.empty()) return;
  lab::sign_seal(directory, flags.sign);
  fmt::print("Signed: {}/seal.txt.sig\n", directory.path());
}

void show_answer(const lab::RunDirectory& directory, const lab::OpenedRun& run) {
  const lab::ReportData data = lab::gather(run.plan, run.ledger.entries());
  fmt::print("\n{}", lab::terminal_summary(data, directory.html(), terminal_columns()));
}

// Memory is taken from every program on the machine only when its owner says so, each time.
void require_ballast_allowed(const lab::Plan& plan, const Flags& flags) {
  const bool uses = std::any_of(plan.cells.begin(), plan.cells.end(), [](const lab::Cell& cell) {
    return cell.fill_by == lab::FillBy::ballast;
  });
  if (!uses || flags.ballast) return;
  fail(ExitCode::refused,
       "this plan locks memory away from every program on this machine, down to 1 GiB: close what "
       "you need, and say --ballast if it may");
}

void run(const lab::RunDirectory& directory, const Flags& flags) {
  std::fflush(stdout);
  require_ballast_allowed(directory.read_plan(), flags);
  os::install_interrupt_handler();
  lab::ProcessTrialRunner runner;
  try {
    const lab::OpenedRun done = [&] {
      LabProgress progress(directory.read_plan().estimate_s);
      return lab::run_sealed(directory, runner, progress);
    }();
    show_answer(directory, done);
  } catch (const Error& error) {
    if (error.code() != ExitCode::interrupted) throw;
    fail(ExitCode::interrupted, "interrupted; nothing is lost: ceiling lab --resume {}",
         directory.path());
  }
}

void status(const lab::RunDirectory& directory, const Flags& /*flags*/) {
  const lab::Plan plan = directory.read_plan();
  if (!directory.sealed()) {
    fmt::print("planned, not sealed: ceiling lab seal {}\n", directory.path());
    return;
  }
  const lab::OpenedRun opened = lab::open_run(directory);
  std::size_t first_runs = 0;
  for (const lab::TrialRecord& trial : opened.state.trials) first_runs += trial.slot.repeat ? 0 : 1;
  fmt::print("{}: {} of {} trials, {} more after exclusions, {} ended without a result\n",
             opened.state.finished() ? "finished" : "not finished", first_runs,
             plan.trials(opened.state.blocks), opened.state.trials.size() - first_runs,
             opened.state.aborts.size());
  fmt::print("seal {}\n", opened.state.digest);
  for (const lab::Note& note : opened.state.notes) {
    fmt::print("{}: {}\n", lab::shown_time(note.wall_s), note.text);
  }
  if (!opened.state.finished()) fmt::print("go on: ceiling lab --resume {}\n", directory.path());
}

void verify(const lab::RunDirectory& directory, const Flags& flags) {
  if (!flags.signers.empty()) {
    lab::check_signature(directory, flags.signers, flags.signer);
    fmt::print("ok: the seal is signed by {}\n", flags.signer);
  } else if (lab::is_signed(directory)) {
    fmt::print("note: a signature is there and was not checked: --signers FILE --signer NAME\n");
  }
  const lab::Verification found = lab::verify(directory);
  for (const std::string& line : found.checked) fmt::print("ok: {}\n", line);
  for (const std::string& line : found.problems) fmt::print("DAMAGED: {}\n", line);
  if (!found.problems.empty()) {
    fail(ExitCode::integrity, "'{}' does not verify: {} problems, listed above", directory.path(),
         found.problems.size());
  }
  if (!found.finished) {
    fail(ExitCode::refused,
         "the run in '{}' is sound so far but not finished: there is no result to verify",
         directory.path());
  }
  fmt::print("verified: every figure follows from the ledger\n");
}

void add_ballast_flag(CLI::App& command, Flags& flags) {
  command.add_flag("--ballast", flags.ballast,
                   "May lock this machine's memory down to 1 GiB, where no control group can be "
                   "limited: presses every program");
}

void add_plan_flags(CLI::App& command, Flags& flags) {
  command.add_flag("--quick", flags.quick, "5 blocks of small and middle models, under 8 minutes");
  command.add_flag("--extend", flags.extend,
                   "May go on to twice and three times the blocks, if the A/A cells ask for it");
  add_ballast_flag(command, flags);
  command
      .add_option("--watts", flags.watts,
                  "What a meter at the wall shows while this machine decodes: tokens a joule")
      ->check(CLI::Range(lab::kLeastWatts, lab::kMostWatts));
  command.add_option("--plan", flags.plan_file, "Cells and settings from this file");
  command
      .add_option("--device", flags.devices,
                  "Compute units: cpu (default), cpu,cuda (its decode cells on both), or one alone")
      ->delimiter(',')
      ->check(CLI::IsMember({"cpu", "cuda", "vulkan"}));
  command.add_option(
      "--device-memory", flags.device_memory,
      "With --device cuda: the largest model once more within so much of its memory, "
      "as on a smaller card: 24GiB");
  command.add_option("--out", flags.out, "Result folder (default runs/TIME-ID)");
  command.add_option(
      "--predict", flags.predictions,
      "What you expect, tokens/s: 7B=9.5 or 7B=9.5:8-11 (80 % interval); repeatable");
  command.add_option("--engine", flags.engines,
                     "Also measure llama-bench=PATH, openai=URL, llama-cpp-python[=PYTHON]; "
                     "repeatable");
  command.add_option("--served", flags.served,
                     "What the server of openai=URL calls a cell's model: 7B=qwen2.5:7b; "
                     "repeatable");
  command.add_option("--blocks", flags.blocks, "Number of blocks")->check(CLI::Range(1, 1000));
  command.add_option("--seed", flags.seed, "Seed of the order of trials")
      ->check(CLI::Range(0LL, 4294967295LL));
}

void run_all(const Flags& flags) {
  if (!flags.resume.empty()) {
    run(lab::RunDirectory::open(flags.resume), flags);
    return;
  }
  const lab::RunDirectory directory = write_plan(flags);
  require_ballast_allowed(directory.read_plan(), flags);
  seal(directory, flags);
  run(directory, flags);
}

// A subcommand that takes the folder of a run.
CLI::App* add_step(CLI::App& parent, const std::shared_ptr<Flags>& flags, const char* name,
                   const char* what, void (*step)(const lab::RunDirectory&, const Flags&)) {
  CLI::App* command = parent.add_subcommand(name, what);
  command->add_option("DIR", flags->directory, "The folder of a run")->required();
  command->callback([flags, step] { step(lab::RunDirectory::open(flags->directory), *flags); });
  return command;
}

void show_again(const lab::RunDirectory& directory, const Flags& /*flags*/) {
  show_answer(directory, lab::reveal(directory));
}

void go_on(const lab::RunDirectory& directory, const Flags& flags) { run(directory, flags); }

}  // namespace

void add_lab_command(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* lab = app.add_subcommand("lab", "Runs a sealed, randomised experiment and reports it");
  lab->require_subcommand(0, 1);
  add_plan_flags(*lab, *flags);
  lab->add_option("--resume", flags->resume, "Go on with an interrupted run");
  CLI::App* plan = lab->add_subcommand("plan", "Writes a plan, to read before it is sealed");
  add_plan_flags(*plan, *flags);
  plan->callback([flags] { fmt::print("Plan: {}\n", write_plan(*flags).plan()); });
  add_step(*lab, flags, "seal", "Commits to a plan", &seal)
      ->add_option("--sign", flags->sign, "Sign the seal with this OpenSSH key");
  add_ballast_flag(*add_step(*lab, flags, "run", "Runs a sealed plan, or goes on with it", &go_on),
                   *flags);
  add_step(*lab, flags, "status", "How far a run is", &status);
  add_step(*lab, flags, "reveal", "Opens the seal of a finished run", &show_again);
  CLI::App* check = add_step(*lab, flags, "verify", "Replays a run's records", &verify);
  CLI::Option* signers = check->add_option("--signers", flags->signers,
                                           "Check the seal's signature: file of allowed signers");
  signers->needs(check->add_option("--signer", flags->signer, "Who must have signed, as in it"));
  add_step(*lab, flags, "report", "Writes the report again", &show_again);
  add_import_step(*lab);
  add_export_step(*lab);
  lab->callback([flags, lab] {
    if (lab->get_subcommands().empty()) run_all(*flags);
  });
}

}  // namespace ceiling::cli
