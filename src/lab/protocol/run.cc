#include "lab/protocol/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/sha256.h"
#include "lab/analysis/exclusions.h"
#include "lab/analysis/extension.h"
#include "lab/protocol/model_files.h"
#include "lab/trial/measure.h"
#include "os/conditions.h"
#include "os/interrupt.h"
#include "os/process.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr unsigned kMostFailures = 2;

class PlanRun {
 public:
  PlanRun(const Plan& plan, Ledger& ledger, TrialRunner& runner, RunObserver& observer)
      : plan_(plan),
        ledger_(ledger),
        runner_(runner),
        observer_(observer),
        files_(plan, [&observer](const std::string& what, std::uint64_t done,
                                 std::uint64_t total) { observer.preparing(what, done, total); }),
        replayer_(plan) {
    for (const LedgerEntry& entry : ledger_.entries()) replayer_.apply(entry);
  }

  Replay run() {
    if (state_.finished()) return state_;
    files_.prepare();
    begin_or_resume();
    between_trials_ = os::conditions();
    do {
      while (const auto slot = next_slot(plan_, state_)) run_slot(*slot);
    } while (extend());
    require_same(files_.identify_all());
    record("finished", {{"trials", state_.trials.size()}, {"models_same", true}});
    return state_;
  }

 private:
  void record(const std::string& type, json data) {
    replayer_.apply(ledger_.append(type, std::move(data)));
  }

  void deviation(const std::string& what) {
    record("deviation", {{"what", what}});
    observer_.note(what);
  }

  bool extend() {
    const auto blocks = extension_due(plan_, state_);
    if (!blocks) return false;
    record("extended", {{"blocks", *blocks}});
    observer_.note(state_.notes.back().text);
    return true;
  }

  void begin_or_resume() {
    const std::vector<ModelFile> files = files_.identify_all();
    const std::string program = sha256_file(os::own_executable());
    if (state_.stage == Stage::sealed) {
      json models = json::array();
      for (const ModelFile& file : files) {
        models.push_back({{"cell", file.cell},
                          {"name", file.name},
                          {"bytes", file.bytes},
                          {"sha256", file.sha256}});
      }
      const os::SystemInfo system = os::system_info();
      record("started", {{"program_version", CEILING_VERSION},
                         {"program_sha256", program},
                         {"os", system.os},
                         {"kernel", system.kernel},
                         {"power_profile", system.power_profile},
                         {"models", models},
                         {"engines", engine_programs()}});
      return;
    }
    const double gap_s = seconds_since_last_entry();
    record("resumed", {{"gap_s", gap_s}, {"torn_bytes", ledger_.torn_bytes()}});
    observer_.note(state_.notes.back().text);
    require_same(files);
    if (program != state_.program_sha256) {
      deviation("the program is another build than the one that started the run");
    }
  }

  // The programs of other engines; a server's cannot be seen, a package is more than its
  // interpreter (its version stands in each trial).
  json engine_programs() const {
    json engines = json::array();
    for (const Cell& cell : plan_.cells) {
      std::error_code error;
      if (cell.engine.kind != EngineKind::llama_bench ||
          !std::filesystem::is_regular_file(cell.engine.where, error)) {
        continue;
      }
      engines.push_back({{"cell", cell.id}, {"sha256", sha256_file(cell.engine.where)}});
    }
    return engines;
  }

  double seconds_since_last_entry() const {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count() - ledger_.entries().back().wall_s;
  }

  void require_same(const std::vector<ModelFile>& files) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (i >= state_.models.size() || files[i].sha256 != state_.models[i].sha256) {
        stop_at_change(files[i]);
      }
    }
  }

  [[noreturn]] void stop_at_change(const ModelFile& file) {
    deviation(fmt::format("the model file of {} changed since the run was started", file.cell));
    fail(ExitCode::integrity,
         "the model file '{}' is not the one that the run was started with: put it back and go on "
         "with --resume, or start a new run",
         file.name);
  }

  // Looks whether its file may have changed and, if so, reads it whole. Empty: it is the same.
  std::optional<ModelFile> changed_file(const Cell& cell) {
    if (!files_.changed(cell)) return std::nullopt;
    ModelFile file = files_.identify_again(cell);
    const auto begun_with =
        std::find_if(state_.models.begin(), state_.models.end(),
                     [&](const ModelFile& model) { return model.cell == cell.id; });
    if (begun_with != state_.models.end() && begun_with->sha256 == file.sha256) return std::nullopt;
    return file;
  }

  // A machine that slept or a clock that jumped between two trials hurts none of them, but the
  // times of the ledger. (Inside one it is the trial's own condition.)
  void note_lost_time() {
    const TrialConditions gap = between(between_trials_, os::conditions(), 1);
    if (gap.slept_s > plan_.exclusions.slept_s_above) {
      deviation(fmt::format("the machine slept for {:.1f} s between two trials", gap.slept_s));
    }
    if (std::abs(gap.clock_jump_s) > plan_.exclusions.clock_jump_s_above) {
      deviation(
          fmt::format("the wall clock jumped by {:.1f} s between two trials", gap.clock_jump_s));
    }
  }

  void run_slot(const Slot& slot) {
    const Cell& cell = plan_.cells[cell_of(plan_, slot)];
    if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
    if (const auto file = changed_file(cell)) stop_at_change(*file);
    note_lost_time();
    observer_.trial_begins(slot, cell, state_.trials.size(), trials_expected());
    record("begun", to_json(slot, plan_));
    const auto start = std::chrono::steady_clock::now();
    if (const auto result = result_of(slot, cell)) {
      if (const auto file = changed_file(cell)) {
        abort(slot, false, "its model file changed while it ran");
        stop_at_change(*file);
      }
      note_other_device(cell, *result);
      json data = to_json(slot, plan_);
      data["excluded"] = excluded_by(plan_.exclusions, result->conditions);
      data["result"] = to_json(*result);
      record("trial", std::move(data));
    }
    between_trials_ = os::conditions();
    observer_.trial_ended(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }

  // A run that goes on beside another card says so, once.
  void note_other_device(const Cell& cell, const TrialResult& result) {
    if (cell.on_cpu() || told_of_device_) return;
    const auto before =
        std::find_if(state_.trials.rbegin(), state_.trials.rend(),
                     [&](const TrialRecord& trial) { return trial.result.cell == cell.id; });
    if (before == state_.trials.rend() || before->result.device == result.device) return;
    told_of_device_ = true;
    deviation(fmt::format("{} is another device than before: {}; before: {}", cell.device,
                          result.device, before->result.device));
  }

  // Empty: it gave none, and that is on record.
  std::optional<TrialResult> result_of(const Slot& slot, const Cell& cell) {
    try {
      TrialResult result = runner_.run(cell, files_.path(cell));
      if (result.engine.empty() != cell.own()) {
        fail(ExitCode::failed, "its result is of {}, its cell is not",
             result.engine.empty() ? "this program" : "another engine");
      }
      return result;
    } catch (const Error& error) {
      give_up(slot, cell, error);
      return std::nullopt;
    }
  }

  void abort(const Slot& slot, bool failed, const std::string& reason) {
    json data = to_json(slot, plan_);
    data["failed"] = failed;
    data["reason"] = reason;
    record("aborted", std::move(data));
  }

  // The trial gave no result: on record, then stop, try again, or go on without its cell.
  void give_up(const Slot& slot, const Cell& cell, const Error& error) {
    const bool interrupted = error.code() == ExitCode::interrupted;
    abort(slot, !interrupted, error.what());
    if (interrupted) throw error;
    observer_.note(fmt::format("a trial of {} failed: {}", cell.id, error.what()));
    if (state_.failures(slot) < kMostFailures) return;
    record("dropped", {{"cell", cell.id},
                       {"reason", fmt::format("it failed {} times in one place: {}", kMostFailures,
                                              error.what())}});
    observer_.note(state_.notes.back().text);
    if (state_.dropped.size() == plan_.cells.size()) {
      fail(ExitCode::failed, "every cell of the plan failed; the last: {}", error.what());
    }
  }

  std::size_t trials_expected() const {
    std::size_t count = 0;
    const auto schedule = plan_.full_schedule();
    for (std::size_t block = 0; block < state_.blocks; ++block) {
      for (const std::size_t cell : schedule[block]) count += state_.is_dropped(cell) ? 0 : 1;
    }
    for (const TrialRecord& trial : state_.trials) {
      count += !trial.slot.repeat && !trial.excluded.empty() ? 1 : 0;
    }
    return count;
  }

  const Plan& plan_;
  Ledger& ledger_;
  TrialRunner& runner_;
  RunObserver& observer_;
  ModelFiles files_;
  Replayer replayer_;
  const Replay& state_ = replayer_.state();
  bool told_of_device_ = false;
  os::Conditions between_trials_;  // when the last trial ended, or the first may begin
};

}  // namespace

Replay run_plan(const Plan& plan, Ledger& ledger, TrialRunner& runner, RunObserver& observer) {
  return PlanRun(plan, ledger, runner, observer).run();
}

}  // namespace ceiling::lab
