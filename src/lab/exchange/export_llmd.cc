// The Benchmark Report of llm-d, version 0.2.1: one stack, one load, its results.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"
#include "lab/analysis/cell_trials.h"
#include "lab/exchange/export.h"
#include "lab/json/canonical_json.h"

namespace ceiling::lab {
namespace {

using nlohmann::ordered_json;

std::string iso_time(double wall_s) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(wall_s)));
}

ordered_json statistics(const std::vector<double>& values, const char* units) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  ordered_json value = {{"units", units}, {"mean", mean(values)}};
  if (values.size() >= 2) value["stddev"] = standard_deviation(values);
  value["min"] = *least;
  value["p50"] = median(values);
  value["max"] = *most;
  return value;
}

std::string configuration_id(const ordered_json& configuration) {
  return sha256_hex(canonical_json(nlohmann::json::parse(configuration.dump()))).substr(0, 32);
}

class LlmdReport {
 public:
  LlmdReport(const ReportData& data, const CellFigures& figures)
      : data_(data),
        figures_(figures),
        cell_(data.plan.cells[figures.cell]),
        trials_(data.state, figures.cell) {}

  ordered_json write() const {
    return {{"version", "0.2.1"},
            {"run", run()},
            {"scenario", {{"stack", ordered_json::array({engine()})}, {"load", load()}}},
            {"results",
             {{"request_performance", {{"aggregate", aggregate()}}},
              {"profiling", against_ceiling()}}}};
  }

 private:
  std::vector<double> of_trials(const CellTrials::Value& value) const {
    std::vector<double> values;
    for (const TrialRecord* trial : trials_.all()) values.push_back(value(trial->result));
    return values;
  }

  ordered_json run() const {
    const TrialRecord& first = *trials_.all().front();
    const TrialRecord& last = *trials_.all().back();
    const double start_s = first.wall_s - first.result.conditions.elapsed_s;
    return {
        {"uid", sha256_hex(data_.head + cell_.id).substr(0, 32)},
        {"eid", data_.state.digest.substr(0, 32)},
        {"time",
         {{"start", iso_time(start_s)},
          {"end", iso_time(last.wall_s)},
          {"duration", fmt::format("PT{:.3f}S", std::max(0.0, last.wall_s - start_s))}}},
        {"description", fmt::format("{}{}; every trial a fresh process", cell_.title(),
                                    cell_.synthetic() ? " (synthetic weights: speed only)" : "")}};
  }

  ordered_json engine() const {
    const TrialResult& first = trials_.all().front()->result;
    std::string hash, file;
    for (const ModelFile& model : data_.state.models) {
      if (model.cell != cell_.id) continue;
      hash = model.sha256;
      file = model.name;
    }
    const ordered_json configuration = {{"device", first.device},
                                        {"threads", first.threads},
                                        {"residency", first.residency},
                                        {"program_sha256", data_.state.program_sha256},
                                        {"model_file", file},
                                        {"model_sha256", hash},
                                        {"model_bytes", figures_.file_bytes},
                                        {"weights", weights_label(cell_)}};
    return {{"metadata",
             {{"schema_version", "0.0.1"},
              {"label", cell_.id},
              {"cfg_id", configuration_id(configuration)}}},
            {"standardized",
             {{"kind", "inference_engine"},
              {"tool", "ceiling"},
              {"tool_version", data_.state.program_version},
              {"role", "replica"},
              {"replicas", 1},
              {"model", {{"name", fmt::format("{} {}", cell_.size, cell_.type)}}},
              {"accelerator",
               {{"model", cell_.device == "cpu" ? data_.plan.machine.cpu : first.device},
                {"count", cell_.device == "cpu" ? 0 : 1},
                {"parallelism", {{"tp", 1}, {"dp", 1}, {"pp", 1}}}}}}},
            {"native", {{"config", configuration}}}};
  }

  ordered_json load() const {
    const std::vector<double> tokens =
        of_trials([](const TrialResult& t) { return static_cast<double>(t.token_s.size() + 1); });
    const auto [least, most] = std::minmax_element(tokens.begin(), tokens.end());
    ordered_json output = {{"distribution", *least < *most ? "other" : "fixed"},
                           {"value", mean(tokens)},
                           {"min", static_cast<std::uint64_t>(*least)},
                           {"max", static_cast<std::uint64_t>(*most)}};
    const ordered_json configuration = {{"plan_seal", data_.state.digest},
                                        {"blocks", data_.state.blocks},
                                        {"seed", data_.plan.seed},
                                        {"least_tokens", cell_.least_tokens},
                                        {"most_tokens", cell_.most_tokens},
                                        {"most_decode_s", cell_.most_decode_s},
                                        {"sampling", "greedy, inside the clock"}};
    return {
        {"metadata", {{"schema_version", "0.0.1"}, {"cfg_id", configuration_id(configuration)}}},
        {"standardized",
         {{"tool", "ceiling lab"},
          {"tool_version", data_.state.program_version},
          {"parallelism", 1},
          {"source", "random"},
          {"input_seq_len", {{"distribution", "fixed"}, {"value", cell_.prompt_tokens}}},
          {"output_seq_len", output},
          {"concurrency", 1}}},
        {"native", {{"config", configuration}}}};
  }

  ordered_json aggregate() const {
    std::vector<double> between;
    for (const TrialRecord* trial : trials_.all()) {
      between.insert(between.end(), trial->result.token_s.begin(), trial->result.token_s.end());
    }
    const auto token = [](const TrialResult& t) { return 1 / t.tokens_per_s(); };
    const auto first = [](const TrialResult& t) { return t.first_token_s; };
    const auto whole = [](const TrialResult& t) { return t.first_token_s + t.decode_s(); };
    const auto prompt = [](const TrialResult& t) { return static_cast<double>(t.prompt_tokens); };
    const auto output = [](const TrialResult& t) {
      return static_cast<double>(t.token_s.size() + 1);
    };
    const auto failed = static_cast<std::size_t>(
        std::count_if(data_.state.aborts.begin(), data_.state.aborts.end(),
                      [&](const Aborted& a) { return a.failed && a.cell == figures_.cell; }));
    return {
        {"requests",
         {{"total", trials_.all().size() + failed},
          {"failures", failed},
          {"input_length", statistics(of_trials(prompt), "count")},
          {"output_length", statistics(of_trials(output), "count")}}},
        {"latency",
         {{"time_to_first_token", statistics(of_trials(first), "s")},
          {"time_per_output_token", statistics(of_trials(token), "s/token")},
          {"inter_token_latency", statistics(between, "s/token")},
          {"request_latency", statistics(of_trials(whole), "s")}}},
        {"throughput",
         {{"input_token_rate",
           statistics(of_trials([](const TrialResult& t) { return t.prompt_tokens / t.prefill_s; }),
                      "tokens/s")},
          {"output_token_rate",
           statistics(of_trials([](const TrialResult& t) { return t.tokens_per_s(); }),
                      "tokens/s")}}}};
  }

  // What the report has no member for: how near decode came to what the memory gave.
  ordered_json against_ceiling() const {
    return {{"tool", "ceiling lab"},
            {"bytes_per_token", figures_.bytes_per_token},
            {"memory_bandwidth",
             statistics(of_trials([](const TrialResult& t) { return t.probe_bytes_per_s() / 1e9; }),
                        "GB/s")},
            {"share_of_ceiling",
             statistics(of_trials([](const TrialResult& t) { return t.share(); }), "fraction")},
            {"excluded_trials", figures_.excluded}};
  }

  const ReportData& data_;
  const CellFigures& figures_;
  const Cell& cell_;
  const CellTrials trials_;
};

}  // namespace

ordered_json llmd_report(const ReportData& data, std::size_t cell) {
  for (const CellFigures& figures : data.analysis.cells) {
    if (figures.cell == cell) return LlmdReport(data, figures).write();
  }
  fail(ExitCode::usage, "cell '{}' has no decode trials: name another one",
       data.plan.cells[cell].id);
}

}  // namespace ceiling::lab
