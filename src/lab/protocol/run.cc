#include "lab/protocol/run.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "base/sha256.h"
#include "lab/analysis/exclusions.h"
#include "lab/analysis/extension.h"
#include "lab/planning/models.h"
#include "os/conditions.h"
#include "os/interrupt.h"
#include "os/process.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr unsigned kMostFailures = 2;

// The model files of the plan: made, hashed, and watched for changes.
class ModelFiles {
 public:
  ModelFiles(const Plan& plan, RunObserver& observer) : plan_(plan), observer_(observer) {}

  void prepare() {
    for (const Cell& cell : plan_.cells) {
      const auto show = [&](std::uint64_t done, std::uint64_t total) {
        observer_.preparing(fmt::format("making {}", cell.id), done, total);
      };
      paths_[cell.id] = prepare_model(cell, show);
      if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
    }
  }

  std::vector<ModelFile> identify_all() {
    std::vector<ModelFile> files;
    std::map<std::string, ModelFile> known;  // cells may share a file
    for (const Cell& cell : plan_.cells) {
      const std::string& path = paths_.at(cell.id);
      if (known.count(path) == 0) {
        stamps_[path] = file_stamp(path);
        const std::uint64_t total = model_file_bytes(cell);
        known[path] = identify(cell, [&](std::uint64_t done) {
          observer_.preparing(fmt::format("hashing {}", cell.id), done, total);
        });
      }
      ModelFile file = known.at(path);
      file.cell = cell.id;
      files.push_back(std::move(file));
    }
    return files;
  }

  const std::string& path(const Cell& cell) const { return paths_.at(cell.id); }
  bool touched(const Cell& cell) const { return file_stamp(path(cell)) != stamps_.at(path(cell)); }

 private:
  const Plan& plan_;
  RunObserver& observer_;
  std::map<std::string, std::string> paths_;   // by cell
  std::map<std::string, std::string> stamps_;  // by path
};

class PlanRun {
 public:
  PlanRun(const Plan& plan, Ledger& ledger, TrialRunner& runner, RunObserver& observer)
      : plan_(plan),
        ledger_(ledger),
        runner_(runner),
        observer_(observer),
        files_(plan, observer),
        replayer_(plan) {
    for (const LedgerEntry& entry : ledger_.entries()) replayer_.apply(entry);
  }

  Replay run() {
    if (state_.finished()) return state_;
    files_.prepare();
    begin_or_resume();
    do {
      while (const auto slot = next_slot(plan_, state_)) run_slot(*slot);
    } while (extend());
    record("finished", {{"trials", state_.trials.size()}});
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
      if (i < state_.models.size() && files[i].sha256 == state_.models[i].sha256) continue;
      deviation(
          fmt::format("the model file of {} changed since the run was started", files[i].cell));
      fail(
          ExitCode::integrity,
          "the model file '{}' is not the one that the run was started with: put it back and go on "
          "with --resume, or start a new run",
          files[i].name);
    }
  }

  void run_slot(const Slot& slot) {
    const Cell& cell = plan_.cells[cell_of(plan_, slot)];
    if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
    if (files_.touched(cell)) require_same(files_.identify_all());
    observer_.trial_begins(slot, cell, state_.trials.size(), trials_expected());
    record("begun", to_json(slot, plan_));
    const auto start = std::chrono::steady_clock::now();
    try {
      const TrialResult result = runner_.run(cell, files_.path(cell));
      if (result.engine.empty() != cell.own()) {
        fail(ExitCode::failed, "its result is of {}, its cell is not",
             result.engine.empty() ? "this program" : "another engine");
      }
      json data = to_json(slot, plan_);
      data["excluded"] = excluded_by(plan_.exclusions, result.conditions);
      data["result"] = to_json(result);
      record("trial", std::move(data));
    } catch (const Error& error) {
      give_up(slot, cell, error);
    }
    observer_.trial_ended(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }

  // The trial gave no result: on record, then stop, try again, or go on without its cell.
  void give_up(const Slot& slot, const Cell& cell, const Error& error) {
    const bool interrupted = error.code() == ExitCode::interrupted;
    json data = to_json(slot, plan_);
    data["failed"] = !interrupted;
    data["reason"] = error.what();
    record("aborted", std::move(data));
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
};

}  // namespace

Replay run_plan(const Plan& plan, Ledger& ledger, TrialRunner& runner, RunObserver& observer) {
  return PlanRun(plan, ledger, runner, observer).run();
}

}  // namespace ceiling::lab
