#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/model_path.h"
#include "cli/session_flags.h"
#include "cli/text_cases.h"
#include "engine/score.h"
#include "probe/distribution.h"

namespace ceiling::cli {
namespace {

using json = nlohmann::ordered_json;

constexpr std::uint32_t kRowsAtOnce = 32;  // each holds a row of logits as wide as the vocabulary

struct ScoreFlags {
  SessionFlags session;
  std::string input;
  std::string against;  // a device; empty: none
  bool as_json = false;
};

struct CaseResult {
  std::string name;
  std::vector<Token> tokens;
  TextScore score;
  std::optional<Agreement> agreement;
};

std::vector<CaseResult> tokenised(const std::vector<TextCase>& cases, const Model& model) {
  std::vector<CaseResult> results;
  for (const TextCase& item : cases) {
    CaseResult& result = results.emplace_back();
    result.name = item.name;
    result.tokens = item.text ? model.tokenizer()->encode(*item.text) : item.tokens;
    if (result.tokens.empty()) {
      fail(ExitCode::usage, "case '{}' has no tokens: give at least one", printable(item.name, 60));
    }
  }
  return results;
}

std::vector<CaseResult> score_cases(const ScoreFlags& flags) {
  const auto model = Model::open(model_path(flags.session.model));
  std::vector<CaseResult> results = tokenised(read_text_cases(flags.input), *model);
  if (results.empty()) fail(ExitCode::usage, "{} holds no cases: give at least one", flags.input);

  SessionOptions options = flags.session.options;
  options.batch_rows = options.logit_rows = kRowsAtOnce;
  for (const CaseResult& result : results) {
    options.context = std::max(options.context, static_cast<std::uint32_t>(result.tokens.size()));
  }
  Session session(model, settled(*model, options));
  std::optional<Session> truth;
  if (!flags.against.empty()) {
    options.device = flags.against;
    truth.emplace(model, options);
  }
  Progress progress("scoring", results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].score = score_text(session, results[i].tokens);
    if (truth) results[i].agreement = compare_sessions(*truth, session, results[i].tokens);
    progress.set(i + 1);
  }
  return results;
}

json to_json(const CaseResult& result) {
  json next = json::array();
  for (const LikelyToken& likely : result.score.next) {
    next.push_back({likely.token, likely.log_probability});
  }
  json item = {{"name", result.name},
               {"tokens", result.tokens},
               {"argmax", result.score.argmax},
               {"mean_nll", result.score.mean_nll()},
               {"next_top10", std::move(next)}};
  if (result.agreement) {
    item["kl"] = result.agreement->divergence;
    item["same_top"] = result.agreement->same_top;
  }
  return item;
}

void print_agreement(const std::vector<CaseResult>& results, const std::string& device) {
  std::vector<double> divergence;
  std::size_t same = 0;
  for (const CaseResult& result : results) {
    const Agreement& agreement = *result.agreement;
    divergence.insert(divergence.end(), agreement.divergence.begin(), agreement.divergence.end());
    same += agreement.same_top;
  }
  const auto positions = static_cast<double>(divergence.size());
  const double mean = std::accumulate(divergence.begin(), divergence.end(), 0.0) / positions;
  fmt::print("against {}: KL divergence mean {:.5f}, 99 % of positions below {:.5f} nats; ", device,
             mean, probe::Distribution(divergence).quantile(0.99));
  fmt::print("same top token at {:.1f} % of {} positions\n",
             100.0 * static_cast<double>(same) / positions, divergence.size());
}

void print_table(const std::vector<CaseResult>& results) {
  fmt::print("{:<32} {:>8} {:>12} {:>12}\n", "case", "tokens", "nats/token", "perplexity");
  double nats = 0;
  std::size_t predicted = 0;
  const auto row = [](const std::string& name, std::size_t tokens, double mean) {
    fmt::print("{:<32} {:>8} {:>12.4f} {:>12.3f}\n", name, tokens, mean, std::exp(mean));
  };
  std::size_t tokens = 0;
  for (const CaseResult& result : results) {
    row(printable(result.name, 32), result.tokens.size(), result.score.mean_nll());
    tokens += result.tokens.size();
    predicted += result.score.nll.size();
    nats = std::accumulate(result.score.nll.begin(), result.score.nll.end(), nats);
  }
  if (predicted > 0) row("all", tokens, nats / static_cast<double>(predicted));
}

void run(const ScoreFlags& flags) {
  const std::vector<CaseResult> results = score_cases(flags);
  if (flags.as_json) {
    json list = json::array();
    for (const CaseResult& result : results) list.push_back(to_json(result));
    fmt::print("{}\n", list.dump(1, ' ', false, json::error_handler_t::replace));
    return;
  }
  print_table(results);
  if (!flags.against.empty()) print_agreement(results, flags.against);
}

}  // namespace

void add_score_command(CLI::App& app) {
  auto* command = app.add_subcommand("score", "How well a model predicts given texts");
  auto flags = std::make_shared<ScoreFlags>();
  add_model_flag(*command, flags->session);
  command
      ->add_option("--input", flags->input,
                   "JSON array of {\"name\", \"text\" or \"tokens\"}; -: standard input")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--against", flags->against,
                   "compare with another device, token by token: reference (slow, exact)")
      ->type_name("DEVICE");
  add_device_flags(*command, flags->session);
  add_threads_flag(*command, flags->session);
  command->add_flag("--json", flags->as_json, "print JSON");
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
