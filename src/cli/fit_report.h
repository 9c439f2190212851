// What `ceiling fit` says: on the terminal, as JSON and as a page.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "fit/comparison.h"
#include "fit/planner.h"
#include "fit/published.h"

namespace ceiling::cli {

// One answered question, with what it was asked of.
struct Answered {
  fit::Question question;
  fit::Answer answer;
  std::string learned;  // for this machine: where its speeds come from
  std::string source;   // which file of which server was read; empty: none
};

std::string fit_text(const std::vector<Answered>& answers);
nlohmann::ordered_json fit_json(const std::vector<Answered>& answers);

std::string what_if_text(const Answered& before, const std::vector<std::string>& changes,
                         const std::vector<Answered>& after);
std::string want_text(double tokens_per_s, const std::vector<fit::Candidate>& candidates);
std::string recommend_text(const fit::Question& question,
                           const std::vector<fit::Recommendation>& recommendations);
nlohmann::ordered_json recommend_json(const std::vector<fit::Recommendation>& recommendations);
std::string compare_text(const std::vector<fit::Curve>& curves);
nlohmann::ordered_json compare_json(const std::vector<fit::Curve>& curves);
std::string validation_text(const fit::Published& published,
                            const std::vector<fit::JudgedRow>& rows);

// A page by itself: the answer, the curves, their tables, how to make it again.
std::string compare_page(const std::vector<fit::Curve>& curves, const std::string& command_line);

// "8.3 (7.1–9.7)".
std::string with_interval(const fit::Prediction& prediction);

}  // namespace ceiling::cli
