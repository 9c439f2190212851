#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "lab/analysis/cell_trials.h"
#include "lab/exchange/export.h"

namespace ceiling::lab {
namespace {

using nlohmann::ordered_json;

// llama-bench counts whole nanoseconds.
using Samples = std::vector<std::uint64_t>;

std::uint64_t nanoseconds(double seconds) {
  return static_cast<std::uint64_t>(std::llround(seconds * 1e9));
}

Samples prompt_samples(const CellTrials& trials) {
  Samples samples;
  for (const TrialRecord* trial : trials.all()) {
    samples.push_back(nanoseconds(trial->result.prefill_s));
  }
  return samples;
}

// Trials may have stopped after different numbers of tokens: the same first ones of each are taken.
Samples decode_samples(const CellTrials& trials, std::size_t tokens) {
  Samples samples;
  for (const TrialRecord* trial : trials.all()) {
    const auto first = trial->result.token_s.begin();
    samples.push_back(
        nanoseconds(std::accumulate(first, first + static_cast<std::ptrdiff_t>(tokens), 0.0)));
  }
  return samples;
}

std::size_t fewest_tokens(const CellTrials& trials) {
  std::size_t fewest = SIZE_MAX;
  for (const TrialRecord* trial : trials.all()) {
    fewest = std::min(fewest, trial->result.token_s.size());
  }
  return fewest;
}

std::vector<double> speeds(const Samples& samples, std::size_t tokens) {
  std::vector<double> values;
  for (const std::uint64_t ns : samples) {
    values.push_back(1e9 * static_cast<double>(tokens) / static_cast<double>(ns));
  }
  return values;
}

double deviation(const std::vector<double>& values) {
  return values.size() < 2 ? 0 : standard_deviation(values);
}

std::string model_file(const ReportData& data, const std::string& cell) {
  for (const ModelFile& file : data.state.models) {
    if (file.cell == cell) return file.name;
  }
  return "unknown";
}

class Entry {
 public:
  Entry(const ReportData& data, const CellFigures& figures, const CellTrials& trials)
      : data_(data), figures_(figures), cell_(data.plan.cells[figures.cell]), trials_(trials) {}

  ordered_json prompt() const { return test(cell_.prompt_tokens, 0, 0, prompt_samples(trials_)); }

  ordered_json decode() const {
    const std::size_t tokens = fewest_tokens(trials_);
    return test(0, tokens, cell_.prompt_tokens, decode_samples(trials_, tokens));
  }

 private:
  ordered_json test(std::size_t prompt, std::size_t generated, std::size_t depth,
                    const Samples& samples) const {
    ordered_json entry = build();
    settings(entry);
    entry["n_prompt"] = prompt;
    entry["n_gen"] = generated;
    entry["n_depth"] = depth;
    const TrialRecord& first = *trials_.all().front();
    entry["test_time"] = fmt::format(
        "{:%Y-%m-%dT%H:%M:%SZ}",
        fmt::gmtime(static_cast<std::time_t>(first.wall_s - first.result.conditions.elapsed_s)));
    const std::vector<double> ns(samples.begin(), samples.end());
    const std::vector<double> ts = speeds(samples, prompt + generated);
    entry["avg_ns"] = std::llround(mean(ns));
    entry["stddev_ns"] = std::llround(deviation(ns));
    entry["avg_ts"] = mean(ts);
    entry["stddev_ts"] = deviation(ts);
    entry["samples_ns"] = samples;
    entry["samples_ts"] = ts;
    return entry;
  }

  ordered_json build() const {
    const bool on_cpu = cell_.device == "cpu";
    return {{"build_commit", fmt::format("ceiling {} {}", data_.state.program_version,
                                         data_.state.program_sha256.substr(0, 12))},
            {"build_number", 0},
            {"cpu_info", data_.plan.machine.cpu},
            {"gpu_info", on_cpu ? "" : trials_.all().front()->result.device},
            {"backends", on_cpu ? "CPU" : cell_.device},
            {"model_filename", model_file(data_, cell_.id)},
            {"model_type", fmt::format("{} {}{}", cell_.size, cell_.type,
                                       cell_.synthetic() ? " (synthetic: speed only)" : "")},
            {"model_size", figures_.file_bytes},
            {"model_n_params", nullptr}};
  }

  // Those of the settings that mean something here; the others as where nothing was asked.
  void settings(ordered_json& entry) const {
    const bool on_cpu = cell_.device == "cpu";
    entry.update({{"n_batch", cell_.prompt_tokens},
                  {"n_ubatch", nullptr},
                  {"n_threads", cell_.threads},
                  {"cpu_mask", "0x0"},
                  {"cpu_strict", true},
                  {"poll", nullptr},
                  {"type_k", "f16"},
                  {"type_v", "f16"},
                  {"n_gpu_layers", on_cpu ? 0 : -1},
                  {"n_cpu_moe", 0},
                  {"split_mode", "none"},
                  {"main_gpu", 0},
                  {"no_kv_offload", false},
                  {"flash_attn", nullptr},
                  {"devices", cell_.device},
                  {"tensor_split", "0.00"},
                  {"tensor_buft_overrides", "none"},
                  {"load_mode", "mmap"},
                  {"embeddings", false},
                  {"no_op_offload", 0},
                  {"no_host", false},
                  {"fit_target", 0},
                  {"fit_min_ctx", 0}});
  }

  const ReportData& data_;
  const CellFigures& figures_;
  const Cell& cell_;
  const CellTrials& trials_;
};

}  // namespace

ordered_json llama_bench_json(const ReportData& data) {
  ordered_json list = ordered_json::array();
  for (const CellFigures& figures : data.analysis.cells) {
    const CellTrials trials(data.state, figures.cell);
    const Entry entry(data, figures, trials);
    list.push_back(entry.prompt());
    list.push_back(entry.decode());
  }
  return list;
}

}  // namespace ceiling::lab
