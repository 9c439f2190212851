// What `ceiling fit --lab RUN --leave-out` says.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lab/ledger/left_out.h"
#include "lab/plan/plan.h"

namespace ceiling::cli {

std::string left_out_text(const lab::Plan& plan, const std::vector<lab::ToldCell>& cells);
nlohmann::ordered_json left_out_json(const lab::Plan& plan,
                                     const std::vector<lab::ToldCell>& cells);

}  // namespace ceiling::cli
