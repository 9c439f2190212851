#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/terminal.h"
#include "cli/commands.h"
#include "cli/load_test.h"
#include "cli/memory_reader.h"
#include "cli/model_hash.h"
#include "cli/model_path.h"
#include "cli/session_flags.h"
#include "cli/speed_report.h"
#include "os/cpu.h"
#include "os/interrupt.h"

namespace ceiling::cli {
namespace {

constexpr std::string_view kHost = "cpu";  // the unit that reads the mapping

struct BenchFlags {
  SessionFlags session;
  std::vector<unsigned> threads;  // empty: the default
  std::vector<std::uint32_t> prompts = {512};
  std::vector<std::uint32_t> decodes = {128};
  std::vector<std::uint32_t> depths = {0};
  std::uint32_t sequences = 1;
  std::uint32_t repetitions = 5;
  std::uint64_t seed = 1;
  bool profile = false;
  bool load = false;
  bool as_json = false;
};

std::vector<SpeedTest> tests_of(const BenchFlags& flags) {
  std::vector<SpeedTest> tests;
  for (const std::uint32_t depth : flags.depths) {
    for (const std::uint32_t tokens : flags.prompts) {
      if (tokens > 0) tests.push_back({SpeedTest::Kind::prompt, tokens, depth, 1});
    }
    for (const std::uint32_t tokens : flags.decodes) {
      if (tokens > 0) tests.push_back({SpeedTest::Kind::decode, tokens, depth, flags.sequences});
    }
  }
  if (tests.empty()) fail(ExitCode::usage, "nothing to measure: -p and -n are both 0");
  return tests;
}

SessionOptions session_options(const BenchFlags& flags, const std::vector<SpeedTest>& tests,
                               unsigned threads) {
  SessionOptions options = flags.session.options;
  options.threads = threads;
  options.sequences = flags.sequences;
  for (const SpeedTest& test : tests) {
    options.context = std::max(options.context, test.positions());
  }
  return options;
}

class Bench {
 public:
  explicit Bench(const BenchFlags& flags)
      : flags_(flags), path_(model_path(flags.session.model)), tests_(tests_of(flags)) {
    report_.machine = probe::describe_machine();
    report_.seed = flags.seed;
  }

  SpeedReport run() {
    std::vector<unsigned> threads = flags_.threads;
    if (threads.empty()) threads = {os::default_threads()};
    if (flags_.load) measure_load(threads.front());
    Progress progress("", threads.size() * tests_.size());
    for (const unsigned count : threads) {
      measure(count, progress);
      if (os::interrupted()) fail(ExitCode::interrupted, "interrupted");
    }
    report_.memory = os::process_memory();
    if (flags_.as_json) report_.model_sha256 = model_sha256(path_);
    return std::move(report_);
  }

 private:
  void measure_load(unsigned threads) {
    Progress progress("loading", 0);
    const auto settle = [&](const Model& model) {
      return settled(model, session_options(flags_, tests_, threads));
    };
    report_.load = cli::measure_load(path_, settle, threads, flags_.repetitions,
                                     [] { return !os::interrupted(); });
    if (os::interrupted()) fail(ExitCode::interrupted, "interrupted");
    progress.set(0);
  }

  // A fresh session: its clock of loading begins with the file's name.
  void measure(unsigned threads, Progress& progress) {
    report_.model.reset();  // before the file is mapped again
    const auto start = std::chrono::steady_clock::now();
    report_.model = Model::open(path_);
    Session session(report_.model,
                    settled(*report_.model, session_options(flags_, tests_, threads)));
    const Seconds load{
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
    const MemoryReader reader(session);
    // To another unit or over the link; what one unit reads over its link has no units to add up.
    const bool spills =
        session.placement().spilled_bytes > 0 && session.placement().segments.size() > 1;
    if (spills) {
      report_.rates.threads = threads;
      report_.rates.link = session.device().link_rate().value_or(BytesPerSecond{});
    }
    for (const SpeedTest& test : tests_) {
      progress.label(fmt::format("{} with {} threads", test.name(), threads));
      ThreadResult& result = report_.results.emplace_back();
      result.threads = threads;
      result.device = session.description();
      result.load = load;
      const auto go_on = [] { return !os::interrupted(); };
      result.speed = run_speed_test(session, test, flags_.repetitions, flags_.seed, reader.read(),
                                    reader.host(), go_on);
      if (!go_on()) return;
      if (spills && test.kind == SpeedTest::Kind::decode && test.sequences == 1) {
        report_.rates.device = result.speed.ceiling();
        report_.rates.host = result.speed.host_rate();
        result.predicted =
            fit::predict_placed(report_.model->program(), session.placement(), kHost, test.depth,
                                test.tokens, session.options().kv, report_.rates);
      }
      if (flags_.profile) report_.profiles.push_back(profile_steps(session, test, flags_.seed));
      progress.set(report_.results.size());
    }
    describe(session, reader);
  }

  void describe(Session& session, const MemoryReader& reader) {
    report_.probe_kernel = reader.kernel();
    report_.probe_threads = reader.threads();
    report_.probe_from_memory = reader.from_memory();
    report_.probe_region = reader.region();
    report_.options = session.options();
    report_.kv_bytes = session.kv_bytes();
    report_.workspace_bytes = session.executable().workspace_bytes();
    report_.copied_bytes = session.executable().traffic().copied_bytes;
    report_.upload = session.executable().upload();
    report_.placement = session.placement();
    report_.spill_reason = session.spill_reason();
    if (&session.prompt_placement() != &session.placement()) {
      report_.prompt_placement = session.prompt_placement();
    }
  }

  const BenchFlags& flags_;
  std::string path_;
  std::vector<SpeedTest> tests_;
  SpeedReport report_;
};

void run(const BenchFlags& flags) {
  os::install_interrupt_handler();
  const SpeedReport report = Bench(flags).run();
  if (flags.as_json) {
    constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
    fmt::print("{}\n", to_json(report).dump(1, ' ', false, kReplace));
  } else {
    fmt::print("{}", to_text(report));
  }
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto* command = app.add_subcommand("bench", "How fast a model runs here, beside the ceiling");
  auto flags = std::make_shared<BenchFlags>();
  add_model_flag(*command, flags->session);
  command->add_option("-t,--threads", flags->threads, "threads; a list (1,2,4) shows the knee")
      ->delimiter(',')
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_option("-p,--prompt", flags->prompts, "prompt tokens; 0: none")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("-n,--tokens", flags->decodes, "tokens to decode; 0: none")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("-d,--depth", flags->depths, "positions held before")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("-r,--repetitions", flags->repetitions, "repetitions")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--batch", flags->sequences, "sequences decoded together")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "of the random tokens")->capture_default_str();
  add_device_flags(*command, flags->session);
  add_split_flags(*command, flags->session);
  command->add_flag("--profile", flags->profile, "where the time of a step goes, by operation");
  command->add_flag("--load", flags->load,
                    "how long until the first token: of a file in the page cache, and of one that "
                    "is evicted from it");
  command->add_flag("--json", flags->as_json, "print JSON, every sample");
  command->footer(
      "The clock holds the model's steps alone: no sampling, no text. Between tokens the memory "
      "is\n"
      "read as a probe, outside the clock; \"ceiling\" is the share of that rate which decode "
      "reached.\n"
      "The file's SHA-256 (with --json) is remembered while its size and time stay the same.");
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
