#include "lab/protocol/protocol.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/json/canonical_json.h"
#include "lab/ledger/seal.h"
#include "lab/report/report.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

std::string stored_nonce(const RunDirectory& directory) {
  const std::string text = os::read_file(directory.nonce());
  return text.substr(0, text.find('\n'));
}

void require_seal(const RunDirectory& directory, const Replay& state) {
  const std::string nonce = state.nonce.empty() ? stored_nonce(directory) : state.nonce;
  const auto plan = parse_json(os::read_file(directory.plan()), directory.plan());
  if (const std::string digest = seal_digest(nonce, plan); digest != state.digest) {
    fail(ExitCode::integrity,
         "'{}' is not the plan that was sealed (seal {}..., this plan gives {}...): restore it "
         "from a "
         "copy",
         directory.plan(), state.digest.substr(0, 12), digest.substr(0, 12));
  }
}

void write_reports(const RunDirectory& directory, const OpenedRun& run) {
  const Report report = make_report(run.plan, run.ledger.entries());
  os::write_file(directory.results(), report.csv);
  os::write_file(directory.markdown(), report.markdown);
  os::write_file(directory.html(), report.html);
}

}  // namespace

OpenedRun open_run(const RunDirectory& directory) {
  Plan plan = directory.read_plan();
  if (!directory.sealed()) {
    fail(ExitCode::refused, "the plan in '{}' is not sealed yet: ceiling lab seal {}",
         directory.path(), directory.path());
  }
  Ledger ledger = Ledger::open(directory.ledger());
  Replay state = replay(ledger.entries(), plan);
  if (state.stage == Stage::empty) {
    fail(ExitCode::integrity, "'{}' has no entry 'sealed'; expected it first", directory.ledger());
  }
  require_seal(directory, state);
  return {std::move(plan), std::move(ledger), std::move(state)};
}

std::string seal_plan(const RunDirectory& directory) {
  const auto lock = directory.lock();
  const Plan plan = directory.read_plan();
  if (directory.sealed()) {
    fail(ExitCode::refused, "the plan in '{}' is sealed already: ceiling lab run {}",
         directory.path(), directory.path());
  }
  const auto value = parse_json(os::read_file(directory.plan()), directory.plan());
  const std::string nonce = new_nonce();
  const std::string digest = seal_digest(nonce, value);
  os::write_file(directory.nonce(), nonce + "\n");
  Ledger::create(directory.ledger()).append("sealed", {{"digest", digest}});
  return digest;
}

OpenedRun run_sealed(const RunDirectory& directory, TrialRunner& runner, RunObserver& observer) {
  const auto lock = directory.lock();
  OpenedRun run = open_run(directory);
  run.state = run_plan(run.plan, run.ledger, runner, observer);
  return reveal(directory);
}

OpenedRun reveal(const RunDirectory& directory) {
  OpenedRun run = open_run(directory);
  require_finished(directory, run.plan, run.state);
  if (run.state.stage == Stage::finished) {
    run.ledger.append("revealed", {{"nonce", stored_nonce(directory)}});
    run.state = replay(run.ledger.entries(), run.plan);
  }
  write_reports(directory, run);
  return run;
}

void require_finished(const RunDirectory& directory, const Plan& plan, const Replay& state) {
  if (state.finished()) return;
  fail(ExitCode::refused,
       "the run in '{}' is not finished ({} of {} trials): predictions, claims and verdicts are "
       "shown "
       "after it; go on with ceiling lab --resume {}",
       directory.path(), state.trials.size(), plan.trials(state.blocks), directory.path());
}

}  // namespace ceiling::lab
