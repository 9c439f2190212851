// A ledger read back against its plan: what has been done, what comes next, and whether the order
// that the seal fixed was kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/plan/model_file.h"
#include "lab/plan/plan.h"
#include "lab/trial/trial.h"

namespace ceiling::lab {

class Fields;
struct LedgerEntry;

// A place in the schedule. `repeat`: the one repetition, at the end of its block, of a trial that
// was excluded.
struct Slot {
  std::size_t block = 0;
  std::size_t slot = 0;
  bool repeat = false;
  bool operator==(const Slot&) const = default;
};

struct TrialRecord {
  Slot slot;
  std::size_t cell = 0;               // index into the plan's cells
  double wall_s = 0;                  // when it was written
  std::vector<std::string> excluded;  // why; empty: it counts
  TrialResult result;
};

struct Aborted {
  Slot slot;
  std::size_t cell = 0;
  bool failed = false;  // of itself; otherwise it was interrupted
  std::string reason;
  double wall_s = 0;
};

struct Note {
  double wall_s = 0;
  std::string text;
};

enum class Stage { empty, sealed, running, finished, revealed };

struct Replay {
  Stage stage = Stage::empty;
  std::size_t blocks = 0;  // to be run: the plan's, or what it was extended to
  std::string digest;      // of the seal
  double sealed_wall_s = 0, started_wall_s = 0, finished_wall_s = 0;
  std::string program_version, program_sha256;
  std::vector<ModelFile> models;
  bool models_same = false;  // the files were hashed once more at the end (older runs: not)
  std::vector<TrialRecord> trials;
  std::vector<Aborted> aborts;
  std::vector<Note> notes;           // resumptions and deviations, in words
  std::vector<std::size_t> dropped;  // cells that failed twice in a slot and were left out after it
  std::optional<Slot> in_flight;     // begun and neither measured nor aborted
  std::string nonce;                 // once revealed

  bool finished() const { return stage == Stage::finished || stage == Stage::revealed; }
  bool is_dropped(std::size_t cell) const;
  unsigned failures(const Slot& slot) const;
};

// Takes entries one after another. apply() throws Error(integrity) naming the entry that breaks the
// protocol: out of order, another cell than the schedule's, an exclusion that the recorded
// conditions do not give. The plan must outlive it.
class Replayer {
 public:
  explicit Replayer(const Plan& plan);
  void apply(const LedgerEntry& entry);
  const Replay& state() const { return state_; }

 private:
  using Handler = void (Replayer::*)(const Fields&, double wall_s);
  static Handler handler(std::string_view type);

  void require(Stage stage, std::string_view expected) const;
  void require_in_flight(const Slot& slot) const;
  Slot slot(const Fields& fields) const;

  void sealed(const Fields& fields, double wall_s);
  void started(const Fields& fields, double wall_s);
  void begun(const Fields& fields, double wall_s);
  void trial(const Fields& fields, double wall_s);
  void aborted(const Fields& fields, double wall_s);
  void resumed(const Fields& fields, double wall_s);
  void deviation(const Fields& fields, double wall_s);
  void dropped(const Fields& fields, double wall_s);
  void extended(const Fields& fields, double wall_s);
  void finished(const Fields& fields, double wall_s);
  void revealed(const Fields& fields, double wall_s);

  const Plan& plan_;
  std::vector<std::vector<std::size_t>> schedule_;
  std::string label_;
  Replay state_;
};

Replay replay(const std::vector<LedgerEntry>& entries, const Plan& plan);

// The trial that the schedule wants next; empty: all are done.
std::optional<Slot> next_slot(const Plan& plan, const Replay& state);
std::size_t cell_of(const Plan& plan, const Slot& slot);

// A slot as a ledger entry carries it.
nlohmann::json to_json(const Slot& slot, const Plan& plan);

}  // namespace ceiling::lab
