#include "lab/analysis/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "base/units.h"
#include "lab/analysis/exclusions.h"
#include "lab/analysis/extension.h"
#include "lab/json/json_fields.h"
#include "lab/ledger/ledger.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

// The first trial at a place, or the repetition there.
const TrialRecord* trial_at(const Replay& state, const Slot& slot) {
  const auto found = std::find_if(state.trials.begin(), state.trials.end(),
                                  [&](const TrialRecord& trial) { return trial.slot == slot; });
  return found == state.trials.end() ? nullptr : &*found;
}

}  // namespace

Replayer::Replayer(const Plan& plan) : plan_(plan), schedule_(plan.full_schedule()) {
  state_.blocks = plan.blocks;
}

void Replayer::apply(const LedgerEntry& entry) {
  label_ = fmt::format("ledger entry {} ({})", entry.index, printable(entry.type, 40));
  const Handler handle = handler(entry.type);
  if (handle == nullptr) fail(ExitCode::integrity, "{}: unknown type", label_);
  (this->*handle)(Fields(entry.data, label_), entry.wall_s);
}

Replayer::Handler Replayer::handler(std::string_view type) {
  static const std::map<std::string_view, Handler> table = {
      {"sealed", &Replayer::sealed},       {"started", &Replayer::started},
      {"begun", &Replayer::begun},         {"trial", &Replayer::trial},
      {"aborted", &Replayer::aborted},     {"resumed", &Replayer::resumed},
      {"deviation", &Replayer::deviation}, {"dropped", &Replayer::dropped},
      {"extended", &Replayer::extended},   {"finished", &Replayer::finished},
      {"revealed", &Replayer::revealed},
  };
  const auto found = table.find(type);
  return found == table.end() ? nullptr : found->second;
}

void Replayer::require(Stage stage, std::string_view expected) const {
  if (state_.stage != stage) {
    fail(ExitCode::integrity, "{}: out of order; expected {} before it", label_, expected);
  }
}

Slot Replayer::slot(const Fields& fields) const {
  const Slot slot{fields.integer("block", 0, state_.blocks - 1),
                  fields.integer("slot", 0, schedule_.front().size() - 1),
                  fields.boolean("repeat")};
  const std::string& cell = plan_.cells[schedule_[slot.block][slot.slot]].id;
  if (fields.text("cell") != cell) {
    fail(ExitCode::integrity, "{}: cell '{}' at block {}, slot {}; the sealed order has '{}' there",
         label_, printable(fields.text("cell"), 80), slot.block, slot.slot, cell);
  }
  return slot;
}

void Replayer::require_in_flight(const Slot& slot) const {
  require(Stage::running, "'started'");
  if (state_.in_flight != slot) fail(ExitCode::integrity, "{}: was not begun", label_);
}

void Replayer::sealed(const Fields& fields, double wall_s) {
  require(Stage::empty, "nothing");
  state_.digest = fields.text("digest");
  state_.sealed_wall_s = wall_s;
  state_.stage = Stage::sealed;
}

void Replayer::started(const Fields& fields, double wall_s) {
  require(Stage::sealed, "'sealed'");
  state_.started_wall_s = wall_s;
  state_.program_version = fields.text("program_version");
  state_.program_sha256 = fields.text("program_sha256");
  for (const Fields& model : fields.objects("models", 1000)) {
    state_.models.push_back({model.text("cell"), model.text("name"),
                             model.integer("bytes", 0, std::uint64_t{1} << 53),
                             model.text("sha256")});
  }
  state_.stage = Stage::running;
}

void Replayer::begun(const Fields& fields, double) {
  require(Stage::running, "'started'");
  if (state_.in_flight) fail(ExitCode::integrity, "{}: the trial before has no end", label_);
  const Slot begun = slot(fields);
  if (const auto next = next_slot(plan_, state_); next != begun) {
    fail(ExitCode::integrity, "{}: block {}, slot {} is not what the sealed order wants next",
         label_, begun.block, begun.slot);
  }
  state_.in_flight = begun;
}

void Replayer::trial(const Fields& fields, double wall_s) {
  TrialRecord record;
  record.slot = slot(fields);
  require_in_flight(record.slot);
  record.cell = cell_of(plan_, record.slot);
  record.wall_s = wall_s;
  record.result = trial_from_json(fields.object("result"));
  record.excluded = fields.texts("excluded", 16);
  if (record.result.cell != plan_.cells[record.cell].id) {
    fail(ExitCode::integrity, "{}: it holds a result of cell '{}'", label_,
         printable(record.result.cell, 80));
  }
  if (record.result.engine.empty() != plan_.cells[record.cell].own()) {
    fail(ExitCode::integrity, "{}: its result is of {}, its cell is not", label_,
         record.result.engine.empty() ? "this program" : "another engine");
  }
  if (record.excluded != excluded_by(plan_.exclusions, record.result.conditions)) {
    fail(ExitCode::integrity, "{}: its exclusion does not follow from its conditions", label_);
  }
  state_.trials.push_back(std::move(record));
  state_.in_flight.reset();
}

void Replayer::aborted(const Fields& fields, double wall_s) {
  const Slot where = slot(fields);
  require_in_flight(where);
  state_.aborts.push_back(
      {where, cell_of(plan_, where), fields.boolean("failed"), fields.text("reason"), wall_s});
  state_.in_flight.reset();
}

void Replayer::resumed(const Fields& fields, double wall_s) {
  require(Stage::running, "'started'");
  const double gap_s = fields.number("gap_s", -1e12, 1e12);
  state_.notes.push_back(
      {wall_s,
       fmt::format("resumed {}{}",
                   gap_s < 0
                       ? fmt::format("with the clock set back by {}", format_duration({-gap_s}))
                       : fmt::format("after {}", format_duration({gap_s})),
                   state_.in_flight ? "; the trial in flight was lost and run again" : "")});
  if (state_.in_flight) {
    state_.aborts.push_back({*state_.in_flight, cell_of(plan_, *state_.in_flight), false,
                             "the program was ended during it", wall_s});
    state_.in_flight.reset();
  }
}

void Replayer::deviation(const Fields& fields, double wall_s) {
  require(Stage::running, "'started'");
  state_.notes.push_back({wall_s, fields.text("what")});
}

void Replayer::dropped(const Fields& fields, double wall_s) {
  require(Stage::running, "'started'");
  const Cell* cell = plan_.find(fields.text("cell"));
  if (cell == nullptr) fail(ExitCode::integrity, "{}: names no cell of the plan", label_);
  state_.dropped.push_back(static_cast<std::size_t>(cell - plan_.cells.data()));
  state_.notes.push_back(
      {wall_s, fmt::format("{} was left out from here on: {}", cell->id, fields.text("reason"))});
}

void Replayer::extended(const Fields& fields, double wall_s) {
  require(Stage::running, "'started'");
  const std::size_t blocks = fields.integer("blocks", 1, 1000);
  if (extension_due(plan_, state_) != blocks) {
    fail(ExitCode::integrity, "{}: the sealed rule does not ask for {} blocks here", label_,
         blocks);
  }
  state_.notes.push_back({wall_s, fmt::format("extended from {} to {} blocks by the sealed rule: "
                                              "the A/A cells were not yet shown to be the same",
                                              state_.blocks, blocks)});
  state_.blocks = blocks;
}

void Replayer::finished(const Fields& fields, double wall_s) {
  require(Stage::running, "'started'");
  if (state_.in_flight || next_slot(plan_, state_)) {
    fail(ExitCode::integrity, "{}: trials of the sealed plan are missing before it", label_);
  }
  if (extension_due(plan_, state_)) {
    fail(ExitCode::integrity, "{}: the sealed rule asks for more blocks before it", label_);
  }
  state_.models_same = fields.has("models_same") && fields.boolean("models_same");
  state_.finished_wall_s = wall_s;
  state_.stage = Stage::finished;
}

void Replayer::revealed(const Fields& fields, double) {
  require(Stage::finished, "'finished'");
  state_.nonce = fields.text("nonce");
  state_.stage = Stage::revealed;
}

bool Replay::is_dropped(std::size_t cell) const {
  return std::find(dropped.begin(), dropped.end(), cell) != dropped.end();
}

unsigned Replay::failures(const Slot& slot) const {
  return static_cast<unsigned>(
      std::count_if(aborts.begin(), aborts.end(),
                    [&](const Aborted& abort) { return abort.failed && abort.slot == slot; }));
}

std::size_t cell_of(const Plan& plan, const Slot& slot) {
  return plan.full_schedule().at(slot.block).at(slot.slot);
}

std::optional<Slot> next_slot(const Plan& plan, const Replay& state) {
  const auto schedule = plan.full_schedule();
  for (std::size_t block = 0; block < state.blocks; ++block) {
    for (const bool repeat : {false, true}) {
      for (std::size_t slot = 0; slot < schedule[block].size(); ++slot) {
        if (state.is_dropped(schedule[block][slot])) continue;
        const TrialRecord* first = trial_at(state, {block, slot, false});
        if (repeat && (first == nullptr || first->excluded.empty())) continue;
        if (trial_at(state, {block, slot, repeat}) == nullptr) return Slot{block, slot, repeat};
      }
    }
  }
  return std::nullopt;
}

json to_json(const Slot& slot, const Plan& plan) {
  return {{"block", slot.block},
          {"slot", slot.slot},
          {"repeat", slot.repeat},
          {"cell", plan.cells.at(cell_of(plan, slot)).id}};
}

Replay replay(const std::vector<LedgerEntry>& entries, const Plan& plan) {
  Replayer replayer(plan);
  for (const LedgerEntry& entry : entries) replayer.apply(entry);
  return replayer.state();
}

}  // namespace ceiling::lab
