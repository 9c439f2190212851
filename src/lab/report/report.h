// Everything that a finished run says, as the files of its folder: a pure function of plan and
// ledger, so that anyone can make the same files again and compare.
#pragma once

#include <string>
#include <vector>

#include "lab/plan/plan.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {

struct LedgerEntry;

struct Report {
  std::string csv, markdown, html;
};

// The ledger must hold a finished run of the plan. Throws Error(integrity) if it does not replay,
// Error(failed) if no trial gave a result.
ReportData gather(const Plan& plan, const std::vector<LedgerEntry>& entries);
Report make_report(const Plan& plan, const std::vector<LedgerEntry>& entries);

}  // namespace ceiling::lab
