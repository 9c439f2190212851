#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "lab/engines/engine_process.h"
#include "lab/engines/engine_run.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

// One test of llama-bench: so many tokens of one kind at a depth, once.
struct Test {
  std::uint32_t prompt = 0, generated = 0, depth = 0;
};

std::vector<std::string> command(const Cell& cell, const std::string& path, const Test& test) {
  std::vector<std::string> argv = {cell.engine.where,
                                   "-m",
                                   path,
                                   "-p",
                                   fmt::format("{}", test.prompt),
                                   "-n",
                                   fmt::format("{}", test.generated),
                                   "-r",
                                   "1",
                                   "-o",
                                   "json",
                                   "-ngl",
                                   cell.device == "cpu" ? "0" : "99"};
  if (cell.threads > 0) argv.insert(argv.end(), {"-t", fmt::format("{}", cell.threads)});
  if (test.depth > 0) argv.insert(argv.end(), {"-d", fmt::format("{}", test.depth)});
  return argv;
}

// What it says that it did must be what it was asked for.
void require(const Fields& entry, const char* member, std::uint64_t asked) {
  const std::uint64_t done = entry.integer(member, 0, std::uint64_t{1} << 32);
  if (done != asked) {
    fail(ExitCode::failed, "{}.{} is {}; it was asked for {}", entry.label(), member, done, asked);
  }
}

class Measured {
 public:
  Measured(const Cell& cell, const std::string& path, const Test& test, double seconds)
      : answer_(parse_json(engine_output(command(cell, path, test), seconds), "its answer")) {
    if (!answer_.is_array() || answer_.size() != 1) {
      fail(ExitCode::integrity,
           "its answer is no list of one test; expected what llama-bench -o "
           "json prints for one");
    }
    const Fields fields = entry();
    require(fields, "n_prompt", test.prompt);
    require(fields, "n_gen", test.generated);
    if (test.depth > 0) require(fields, "n_depth", test.depth);
    if (cell.threads > 0) require(fields, "n_threads", cell.threads);
  }

  Fields entry() const { return {answer_[0], "its answer[0]"}; }

  double seconds() const {
    const std::vector<double> samples = entry().numbers("samples_ns", 1000, 1, 1e16);
    if (samples.size() != 1) {
      fail(ExitCode::failed, "its answer[0].samples_ns has {} entries; it was asked for one",
           samples.size());
    }
    return samples[0] * 1e-9;
  }

 private:
  json answer_;
};

void describe(const Fields& entry, const Cell& cell, EngineRun& run) {
  const auto text = [&](const char* member) {
    return printable(entry.text_or(member, "not shown"), 200);
  };
  const std::string backend = text("backends");
  const bool on_cpu = cell.device == "cpu";
  run.engine = fmt::format("llama.cpp {}", text("build_commit"));
  if (entry.has("build_number")) {
    run.engine += fmt::format(" ({})", entry.integer("build_number", 0, 1U << 31U));
  }
  run.engine += ", " + backend;
  run.threads = cell.threads;
  run.device =
      on_cpu ? fmt::format("{} threads, {}", cell.threads, text("cpu_info")) : text("gpu_info");
  if (on_cpu) run.residency = "memory of the processor";
}

}  // namespace

EngineRun run_llama_bench(const Cell& cell, const std::string& path, std::uint32_t tokens,
                          const EngineLimits& limits) {
  const Measured prompt(cell, path, {cell.prompt_tokens, 0, 0}, limits.process_s);
  const Measured decode(cell, path, {0, tokens, cell.prompt_tokens}, limits.process_s);
  EngineRun run;
  describe(decode.entry(), cell, run);
  run.prompt_tokens = cell.prompt_tokens;
  run.prefill_s = prompt.seconds();
  run.total = DecodeTotal{tokens, decode.seconds()};
  run.missing = {"load and time to first token",    "times of single tokens",
                 "placement of threads is its own", "prompt and decode in a process each",
                 "sampling is outside its clock",   "one pass to warm up is its own"};
  return run;
}

}  // namespace ceiling::lab
