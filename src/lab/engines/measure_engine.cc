#include "lab/engines/measure_engine.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "gguf/file.h"
#include "lab/engines/engine_process.h"
#include "lab/engines/served_model.h"
#include "lab/trial/measure.h"
#include "lab/trial/probed_memory.h"
#include "model/architecture.h"
#include "model/cost.h"
#include "os/cpu.h"
#include "os/memory_map.h"
#include "probe/read_probe.h"

namespace ceiling::lab {
namespace {

using Clock = std::chrono::steady_clock;

class EngineTrial {
 public:
  EngineTrial(const Cell& cell, const std::string& path, const EngineLimits& limits)
      : cell_(cell),
        path_(path),
        limits_(limits),
        program_(build_program(*gguf::File::open(path))) {
    here_ = cell.engine.kind != EngineKind::openai || serves_here(cell.engine.where);
  }

  TrialResult run() {
    result_.cell = cell_.id;
    const os::MappedFile file = os::MappedFile::open(path_);
    result_.file_bytes = file.bytes().size();
    if (here_) touch(file);
    std::unique_ptr<ProbedMemory> memory;
    std::unique_ptr<probe::ReadProbe> probe;
    if (here_) {
      memory = std::make_unique<ProbedMemory>(file.bytes());
      probe = std::make_unique<probe::ReadProbe>(memory->region(), cell_.threads);
      read_memory(*probe, 0);
    }
    const os::Conditions before = os::conditions();
    EngineRun run = run_engine();
    const os::Conditions after = os::conditions();
    take(run);
    if (probe) read_memory(*probe, static_cast<std::uint32_t>(result_.decoded_tokens()));
    result_.conditions =
        between(before, after, static_cast<unsigned>(os::cpu_info().usable.size()));
    say_what_is_missing(run);
    return std::move(result_);
  }

 private:
  // In the page cache before every clock, as for a trial of this program.
  void touch(const os::MappedFile& file) {
    const auto start = Clock::now();
    result_.cached_share = file.resident_share();
    file.populate(cell_.threads);
    result_.touch_s = std::chrono::duration<double>(Clock::now() - start).count();
  }

  void read_memory(probe::ReadProbe& probe, std::uint32_t after_token) {
    constexpr double kSeconds = 0.4;
    constexpr Bytes kSlice{std::uint64_t{256} << 20};
    const auto start = Clock::now();
    do {
      const probe::ReadSlice slice = probe.read(kSlice);
      result_.slices.push_back({after_token, slice.bytes.value, slice.time.value});
    } while (std::chrono::duration<double>(Clock::now() - start).count() < kSeconds);
  }

  // As many tokens as the cell's time should hold, were decode at the ceiling; for an engine that
  // must be told beforehand.
  std::uint32_t tokens() const {
    if (!result_.probed()) return cell_.most_tokens;
    const auto bytes = static_cast<double>(
        mean_decode_cost(program_, cell_.prompt_tokens, cell_.least_tokens).read_bytes());
    const double fitting = cell_.most_decode_s * result_.probe_bytes_per_s() / bytes;
    return static_cast<std::uint32_t>(std::clamp(fitting, static_cast<double>(cell_.least_tokens),
                                                 static_cast<double>(cell_.most_tokens)));
  }

  EngineRun run_engine() const {
    switch (cell_.engine.kind) {
      case EngineKind::llama_bench:
        return run_llama_bench(cell_, path_, tokens(), limits_);
      case EngineKind::llama_cpp_python:
        return run_llama_cpp_python(cell_, path_, limits_);
      default:
        return run_server(cell_, tokens(), limits_);
    }
  }

  void take(EngineRun& run) {
    result_.engine = run.engine;
    result_.device = run.device;
    result_.residency = run.residency;
    result_.threads = run.threads;
    result_.load_s = run.load_s;
    result_.prefill_s = run.prefill_s;
    result_.first_token_s = run.first_token_s;
    result_.prompt_tokens = run.prompt_tokens;
    result_.token_s = std::move(run.token_s);
    result_.total = run.total;
    const auto count = static_cast<std::uint32_t>(result_.decoded_tokens());
    const Cost prompt = cost(program_, shape_batch(0, run.prompt_tokens));
    result_.prefill_operations = prompt.operations;
    result_.prefill_bytes = prompt.read_bytes();
    const Cost mean = mean_decode_cost(program_, run.prompt_tokens, count);
    result_.decode_read_bytes = mean.read_bytes() * count;
    result_.decode_operations = mean.operations * count;
  }

  void say_what_is_missing(EngineRun& run) {
    result_.missing = std::move(run.missing);
    if (here_) {
      result_.missing.emplace_back("memory was read before and after, not between tokens");
    } else {
      result_.missing.emplace_back(
          "share of the ceiling: the server's memory cannot be read from here");
      result_.missing.emplace_back("conditions of the server's machine: those here are recorded");
    }
    if (cell_.engine.kind != EngineKind::openai) {
      result_.conditions.major_faults.reset();  // of another process
      return;
    }
    // A server's own work cannot be told from that of others.
    result_.conditions.others_share.reset();
    result_.conditions.others_share_resolution.reset();
    result_.conditions.major_faults.reset();
    result_.missing.emplace_back("what other processes took: the server is one of them");
  }

  const Cell& cell_;
  std::string path_;
  EngineLimits limits_;
  Program program_;
  bool here_ = true;
  TrialResult result_;
};

}  // namespace

TrialResult measure_engine(const Cell& cell, const std::string& path, const EngineLimits& limits) {
  return EngineTrial(cell, path, limits).run();
}

std::string describe_engine(const TrialEngine& engine, const EngineLimits& limits) {
  switch (engine.kind) {
    case EngineKind::llama_bench:
      engine_output({engine.where, "--help"}, limits.reply_s);
      return "llama-bench at " + engine.where;
    case EngineKind::llama_cpp_python:
      return "llama-cpp-python " +
             last_line(engine_output(
                 {engine.where, "-c", "import llama_cpp, numpy; print(llama_cpp.__version__)"},
                 limits.reply_s));
    case EngineKind::openai:
      return ServedModel(engine, limits).server();
    default:
      return "this program";
  }
}

}  // namespace ceiling::lab
