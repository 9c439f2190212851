// What is often said of tensor types, held against one tradeoff's own figures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/tradeoff/tradeoff.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {

enum class StatementOutcome { supported, not_supported, not_shown };
std::string_view name(StatementOutcome outcome);  // "supported", "not supported", "not shown"

struct Statement {
  std::string claim;
  StatementOutcome outcome = StatementOutcome::not_shown;
  std::string because;  // the numbers that decided, or what is missing
};

// Three: the memory of 32 bits, the price of 8 bits, Q4_K_M as the best balance.
std::vector<Statement> statements(const Tradeoff& tradeoff);
Table statement_table(const Tradeoff& tradeoff);

}  // namespace ceiling::lab
