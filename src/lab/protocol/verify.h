// Replays a result folder for someone who distrusts it.
#pragma once

#include <string>
#include <vector>

#include "lab/ledger/directory.h"

namespace ceiling::lab {

struct Verification {
  std::vector<std::string> checked;   // what was found in order, in words
  std::vector<std::string> problems;  // every damage found; empty: none
  bool finished = false;
};

// The ledger's chain, the plan against its seal, the order of trials against the sealed seed, the
// exclusions against the recorded conditions, and results.csv, report.md and report.html against
// what the ledger's raw lines give. Does not throw for damage: it is listed.
Verification verify(const RunDirectory& directory);

// For those who learn from a run: throws Error(integrity) naming the first damage of what they use
// (the ledger, the plan, and of results.csv the columns of lab/ledger/earlier_lab.h), and for a run
// that was not finished. Pages and further columns may be another version's.
void require_sound(const RunDirectory& directory);

}  // namespace ceiling::lab
