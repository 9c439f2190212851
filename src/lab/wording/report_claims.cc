// The module's claims as a table.
#include <fmt/format.h>

#include "lab/wording/claims.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {
namespace {

std::string_view mark(ClaimOutcome outcome) {
  switch (outcome) {
    case ClaimOutcome::supported:
      return "●";
    case ClaimOutcome::refuted:
      return "✕";
    case ClaimOutcome::undecided:
      return "◐";
    default:
      return "○";
  }
}

}  // namespace

Table claim_table(const ReportData& data) {
  Table table{{"Claim", "Evidence", "Verdict", "Because"}, {}, 4};
  for (const JudgedClaim& claim : judge_claims(data.plan, data.analysis)) {
    table.rows.push_back({claim.claim, claim.evidence,
                          fmt::format("{} {}", mark(claim.outcome), name(claim.outcome)),
                          claim.because});
  }
  return table;
}

}  // namespace ceiling::lab
