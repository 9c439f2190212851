#include "lab/tradeoff/tradeoff.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "gguf/file.h"
#include "lab/tradeoff/dominance.h"
#include "model/origin.h"
#include "model/recipes.h"
#include "os/files.h"
#include "os/interrupt.h"
#include "os/process.h"
#include "probe/machine.h"

namespace ceiling::lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void check(const TradeoffOptions& options) {
  if (options.types.empty()) fail(ExitCode::usage, "no types to compare: name some with --types");
  std::set<std::string> seen;
  for (const std::string& type : options.types) {
    recipe_file_type(type);
    if (!seen.insert(type).second) fail(ExitCode::usage, "type '{}' is named twice", type);
  }
  if (options.blocks == 0) fail(ExitCode::usage, "0 blocks: at least one is needed");
  if (options.decode_tokens == 0 || options.prompt_tokens == 0)
    fail(ExitCode::usage, "a speed test of 0 tokens: give at least one");
}

Quality perplexity_from(const json& model) {
  Quality quality;
  quality.perplexity = model.at("perplexity").get<double>();
  quality.perplexity_error = model.at("perplexity_standard_error").get<double>();
  return quality;
}

Quality quality_from(const json& evaluation) {
  Quality quality = perplexity_from(evaluation.at("model"));
  const json& divergence = evaluation.at("divergence");
  quality.mean_kl = std::max(0.0, divergence.at("mean_kl").get<double>());
  quality.mean_kl_error = divergence.at("mean_kl_standard_error").get<double>();
  quality.p99_kl = divergence.at("p99_kl").get<double>();
  quality.top_agreement = divergence.at("top_agreement").get<double>();
  return quality;
}

// Files that go with their owner, unless they are kept.
class TypeFiles {
 public:
  TypeFiles(const std::string& directory, bool keep) : directory_(directory), keep_(keep) {}
  ~TypeFiles() {
    std::error_code ignored;
    if (keep_) return;
    for (const std::string& file : files_) fs::remove(file, ignored);
  }
  TypeFiles(const TypeFiles&) = delete;
  TypeFiles& operator=(const TypeFiles&) = delete;
  std::string add(const std::string& model, const std::string& type) {
    std::string file = (fs::path(directory_) / (model + "-" + type + ".gguf")).string();
    if (fs::exists(file))
      fail(ExitCode::refused, "'{}' exists already: remove it or name another folder with --out",
           file);
    files_.push_back(file);
    return file;
  }

 private:
  std::string directory_;
  bool keep_;
  std::vector<std::string> files_;
};

class Measurement {
 public:
  using Progress = std::function<void(std::uint64_t, std::uint64_t, const std::string&)>;
  Measurement(const TradeoffOptions& options, const OwnProgram& program, const Progress& progress)
      : options_(options),
        program_(program),
        progress_(progress),
        files_(options.directory, options.keep_files),
        total_(options.types.size() * 2 + (options.types.size() + 1) * options.blocks) {
    result_.options = options;
  }

  Tradeoff run() {
    describe_source();
    for (const std::string& type : options_.types) quantise(type);
    for (std::uint32_t block = 0; block < options_.blocks; ++block) run_block(block);
    for (std::size_t i = 1; i < paths_.size(); ++i) evaluate(i);
    mark_dominated(result_.points);
    std::stable_sort(result_.points.begin(), result_.points.end(),
                     [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    return std::move(result_);
  }

 private:
  void describe_source() {
    const auto file = gguf::File::open(options_.model);
    result_.model_name = fs::path(options_.model).stem().string();
    result_.quantised_type = quantised_origin(*file);
    result_.source_quantised = !result_.quantised_type.empty();
    result_.synthetic = file->metadata().boolean("ceiling.synthetic").value_or(false);
    result_.machine = probe::one_line(probe::describe_machine());
    TradeoffPoint point;
    point.name = storage_name(*file) + " (source)";
    point.source = true;
    point.bytes = file->bytes().size();
    point.quality.top_agreement = 1;
    result_.points.push_back(point);
    paths_.push_back(options_.model);
  }

  void quantise(const std::string& type) {
    begin(fmt::format("{}: quantising", type));
    const std::string path = files_.add(result_.model_name, type);
    std::vector<std::string> arguments = {"quantize", options_.model, path,
                                          "--type",   type,           "--json"};
    if (!options_.calibration.empty()) {
      arguments.emplace_back("--calibrate");
      arguments.push_back(options_.calibration);
    }
    TradeoffPoint point;
    point.name = type;
    point.bytes = answer(arguments).at("bytes").get<std::uint64_t>();
    result_.points.push_back(point);
    paths_.push_back(path);
  }

  void run_block(std::uint32_t block) {
    const std::size_t count = paths_.size();
    for (std::size_t place = 0; place < count; ++place) {
      const std::size_t turned = (place + block / 2) % count;
      time(block % 2 == 0 ? turned : count - 1 - turned, block);
    }
  }

  void time(std::size_t index, std::uint32_t block) {
    TradeoffPoint& point = result_.points[index];
    begin(fmt::format("{}: speed, block {} of {}", point.name, block + 1, options_.blocks));
    std::vector<std::string> arguments = {"bench",
                                          "-m",
                                          paths_[index],
                                          "-p",
                                          std::to_string(options_.prompt_tokens),
                                          "-n",
                                          std::to_string(options_.decode_tokens),
                                          "-r",
                                          "1",
                                          "--json"};
    add_threads(arguments);
    const json report = answer(arguments);
    for (const json& result : report.at("results")) {
      const auto rate = result.at("tokens_per_s").at("median").get<double>();
      const bool prompt = result.at("test").get<std::string>().starts_with("pp");
      (prompt ? point.prefill : point.decode).push_back(rate);
    }
  }

  void evaluate(std::size_t index) {
    TradeoffPoint& point = result_.points[index];
    begin(fmt::format("{}: quality", point.name));
    std::vector<std::string> arguments = {"eval",        paths_[index],
                                          "--text",      options_.text,
                                          "--reference", options_.model,
                                          "--window",    std::to_string(options_.window),
                                          "--windows",   std::to_string(options_.windows),
                                          "--json"};
    add_threads(arguments);
    const json evaluation = answer(arguments);
    point.quality = quality_from(evaluation);
    const Quality source = perplexity_from(evaluation.at("reference"));
    result_.points.front().quality.perplexity = source.perplexity;
    result_.points.front().quality.perplexity_error = source.perplexity_error;
    result_.counted_tokens = evaluation.at("counted_tokens").get<std::uint64_t>();
    result_.windows = evaluation.at("windows").get<std::uint32_t>();
  }

  void add_threads(std::vector<std::string>& arguments) const {
    if (options_.threads == 0) return;
    arguments.emplace_back("-t");
    arguments.push_back(std::to_string(options_.threads));
  }

  json answer(const std::vector<std::string>& arguments) {
    const std::string output = program_(arguments);
    ++done_;
    try {
      return json::parse(output);
    } catch (const json::exception& error) {
      fail(ExitCode::failed, "'ceiling {}' gave no JSON: {}", arguments.front(), error.what());
    }
  }

  void begin(const std::string& what) const {
    if (progress_) progress_(done_, total_, what);
  }

  const TradeoffOptions& options_;
  const OwnProgram& program_;
  const Progress& progress_;
  TypeFiles files_;
  std::uint64_t done_ = 0, total_;
  Tradeoff result_;
  std::vector<std::string> paths_;  // of each point
};

}  // namespace

std::string run_own_program(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {os::own_executable()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const os::ProcessResult result = os::run_process(argv);
  if (os::interrupted()) fail(ExitCode::interrupted, "interrupted");
  if (result.exit_code == 0) return result.output;
  const std::string reason = printable(result.errors.substr(0, result.errors.find('\n')), 300);
  fail(ExitCode::failed, "'ceiling {}' ended with exit code {}: {}", arguments.front(),
       result.exit_code, reason.empty() ? "it said nothing" : reason);
}

Tradeoff measure_tradeoff(
    const TradeoffOptions& options, const OwnProgram& program,
    const std::function<void(std::uint64_t, std::uint64_t, const std::string&)>& progress) {
  check(options);
  return Measurement(options, program, progress).run();
}

void write_tradeoff(const Tradeoff& tradeoff) {
  const fs::path directory(tradeoff.options.directory);
  os::write_file((directory / "report.html").string(), tradeoff_html(tradeoff));
  os::write_file((directory / "report.md").string(), tradeoff_markdown(tradeoff));
  os::write_file((directory / "tradeoff.json").string(), tradeoff_json(tradeoff));
}

}  // namespace ceiling::lab
