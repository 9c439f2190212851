// The claims of a course module, each judged by a test on stated evidence: this run's verdicts,
// exact counts of bytes, or published facts with their sources (data/claims.json).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/analysis/analysis.h"
#include "lab/plan/plan.h"

namespace ceiling::lab {

enum class ClaimOutcome { supported, refuted, undecided, not_testable };
std::string_view name(ClaimOutcome outcome);  // "supported", ..., "not testable here"

struct JudgedClaim {
  std::string id, claim, evidence;
  ClaimOutcome outcome = ClaimOutcome::undecided;
  std::string because;  // the numbers that decided
};

// In the order of data/claims.json. For finished runs only: protocol.h refuses earlier.
std::vector<JudgedClaim> judge_claims(const Plan& plan, const Analysis& analysis);

// The same from any text of the format "ceiling-claims/1"; throws Error(integrity) naming what is
// wrong.
std::vector<JudgedClaim> judge_claims(std::string_view json, const Plan& plan,
                                      const Analysis& analysis);

}  // namespace ceiling::lab
