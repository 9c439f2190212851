#include "lab/protocol/verify.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/printable.h"
#include "fit/table.h"
#include "lab/analysis/replay.h"
#include "lab/json/canonical_json.h"
#include "lab/ledger/earlier_lab.h"
#include "lab/ledger/ledger.h"
#include "lab/ledger/seal.h"
#include "lab/report/report.h"
#include "lab/report/report_formats.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

namespace fs = std::filesystem;

// What of the files that a finished run's ledger gives is held against it.
enum class Files { all, what_teaches };

class Verifier {
 public:
  Verifier(const RunDirectory& directory, Files files) : directory_(directory), files_(files) {}

  Verification run() {
    const bool chain_holds = check_chain();
    check([&] { plan_ = directory_.read_plan(); });
    if (plan_ && !entries_.empty()) {
      check_seal();
      if (chain_holds) check_order();
    }
    if (state_ && found_.problems.empty()) check_files();
    return std::move(found_);
  }

 private:
  // What throws is a problem of its own; the checks after it still run.
  template <typename Action>
  void check(const Action& action) {
    try {
      action();
    } catch (const Error& error) {
      found_.problems.emplace_back(error.what());
    }
  }

  bool check_chain() {
    std::string text;
    check([&] { text = os::read_file(directory_.ledger()); });
    LedgerCheck ledger = check_ledger(text);
    for (const LedgerDamage& damage : ledger.damages) {
      found_.problems.push_back(fmt::format("ledger.jsonl line {}: {}", damage.line, damage.what));
    }
    if (ledger.torn_bytes > 0) {
      found_.checked.push_back(
          fmt::format("the ledger ends in {} bytes of a line that was cut off", ledger.torn_bytes));
    }
    entries_ = std::move(ledger.entries);
    if (ledger.damages.empty() && !entries_.empty()) {
      found_.checked.push_back(fmt::format("the chain of {} ledger entries holds (head {})",
                                           entries_.size(), entries_.back().hash));
    }
    return ledger.damages.empty();
  }

  std::string nonce() const {
    for (const LedgerEntry& entry : entries_) {
      if (entry.type == "revealed" && entry.data.contains("nonce") &&
          entry.data.at("nonce").is_string()) {
        return entry.data.at("nonce").get<std::string>();
      }
    }
    const std::string text = os::read_file(directory_.nonce());
    return text.substr(0, text.find('\n'));
  }

  void check_seal() {
    check([&] {
      const LedgerEntry& first = entries_.front();
      const auto digest = first.data.find("digest");
      if (first.type != "sealed" || digest == first.data.end() || !digest->is_string()) {
        fail(ExitCode::integrity, "the ledger does not begin with a seal");
      }
      const auto plan = parse_json(os::read_file(directory_.plan()), "plan.json");
      if (seal_digest(nonce(), plan) != digest->get<std::string>()) {
        fail(ExitCode::integrity, "plan.json is not the plan that was sealed: it was changed");
      }
      found_.checked.push_back(fmt::format("plan.json is the plan that was sealed (seal {})",
                                           digest->get<std::string>()));
    });
  }

  void check_order() {
    check([&] {
      state_ = replay(entries_, *plan_);
      found_.finished = state_->finished();
      found_.checked.push_back(
          fmt::format("{} trials stand in the order that the sealed seed gives, each exclusion "
                      "follows from its conditions",
                      state_->trials.size()));
    });
  }

  void check_files() {
    if (!found_.finished) {
      for (const std::string& path :
           {directory_.results(), directory_.markdown(), directory_.html()}) {
        if (!fs::exists(path)) continue;
        found_.problems.push_back(fmt::format(
            "{} exists, but the ledger has no entry 'finished': its last lines were removed",
            fs::path(path).filename().string()));
      }
      return;
    }
    if (files_ == Files::what_teaches) return check([this] { compare_what_teaches(); });
    check([&] {
      const Report report = make_report(*plan_, entries_);
      compare(directory_.results(), report.csv);
      if (state_->program_version == CEILING_VERSION) {
        compare(directory_.markdown(), report.markdown);
        compare(directory_.html(), report.html);
      } else {
        found_.checked.push_back(
            fmt::format("report.md and report.html were written by version {}, this is {}: not "
                        "compared",
                        state_->program_version, CEILING_VERSION));
      }
    });
  }

  void compare(const std::string& path, const std::string& expected) {
    const std::string name = fs::path(path).filename().string();
    check([&] {
      if (os::read_file(path) != expected) {
        fail(ExitCode::integrity,
             "{} is not what the ledger gives: it was changed, or another version of this program "
             "wrote it (ceiling lab report writes it again)",
             name);
      }
      found_.checked.push_back(fmt::format("{} is what the ledger gives", name));
    });
  }

  // Other columns, and how a version writes a page, change no prediction.
  void compare_what_teaches() const {
    const fit::Table kept =
        fit::Table::parse(os::read_file(directory_.results()), directory_.results());
    const fit::Table given =
        fit::Table::parse(results_csv(gather(*plan_, entries_)), "what the ledger gives");
    for (const std::string_view column : kTeachingColumns) {
      bool same = kept.rows().size() == given.rows().size();
      for (std::size_t i = 0; same && i < kept.rows().size(); ++i) {
        same = kept.cell(kept.rows()[i], column) == given.cell(given.rows()[i], column);
      }
      if (same) continue;
      fail(ExitCode::integrity,
           "results.csv is not what the ledger gives: its column '{}' was changed (ceiling lab "
           "report writes it again)",
           column);
    }
  }

  const RunDirectory& directory_;
  Files files_;
  Verification found_;
  std::vector<LedgerEntry> entries_;
  std::optional<Plan> plan_;
  std::optional<Replay> state_;
};

}  // namespace

Verification verify(const RunDirectory& directory) { return Verifier(directory, Files::all).run(); }

void require_sound(const RunDirectory& directory) {
  const Verification found = Verifier(directory, Files::what_teaches).run();
  if (!found.problems.empty()) {
    fail(ExitCode::integrity, "the lab run in '{}' cannot be believed: {}",
         printable(directory.path(), 100), found.problems.front());
  }
  if (!found.finished) {
    fail(ExitCode::integrity,
         "the lab run in '{}' is not finished: ceiling lab --resume goes on with it",
         printable(directory.path(), 100));
  }
}

}  // namespace ceiling::lab
