#include "probe/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "os/memory_map.h"

namespace ceiling::probe {
namespace {

unsigned checked_threads(const Options& options, const os::CpuInfo& cpu) {
  if (options.threads == 0) return os::default_threads();
  if (options.threads > cpu.usable.size()) {
    fail(ExitCode::usage,
         "-t {} is more threads than this process may use processors: give 1 to {}",
         options.threads, cpu.usable.size());
  }
  return options.threads;
}

// 1, 2, 4, ... and the most.
std::vector<unsigned> thread_counts(unsigned most) {
  std::vector<unsigned> counts;
  for (unsigned t = 1; t < most; t *= 2) counts.push_back(t);
  counts.push_back(most);
  return counts;
}

// Half of what is free is left to others.
Bytes affordable(Bytes wanted, const os::MemoryInfo& memory) {
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 20;
  return {std::max(kLeast, std::min(wanted.value, memory.available.value / 2))};
}

FileReading read_mapping(const os::MappedFile& file, Bytes wanted, unsigned threads, Seconds time) {
  const auto region = file.bytes().first(std::min<std::size_t>(file.bytes().size(), wanted.value));
  touch(region, threads);
  return {file.path(), {file.bytes().size()}, measure_bandwidth(region, threads, time)};
}

}  // namespace

Report run(const Options& options, const OnProgress& progress) {
  Report report;
  report.machine = describe_machine();
  const unsigned threads = checked_threads(options, report.machine.cpu);
  const std::vector<unsigned> counts = thread_counts(threads);
  const Seconds time{options.quick ? 0.15 : 0.6};
  const Seconds compute_time{options.quick ? 0.05 : 0.2};
  const auto steps = static_cast<unsigned>(counts.size() + (options.file.empty() ? 0 : 1) + 1 +
                                           (threads > 1 ? 2 : 1));
  os::MappedFile file;
  if (!options.file.empty()) file = os::MappedFile::open(options.file);
  unsigned done = 0;
  const auto step = [&](const std::string& what) {
    if (progress) progress(what, done, steps);
    ++done;
  };

  report.before = os::conditions();
  report.wanted_region = sufficient_region();
  const Bytes region = affordable(report.wanted_region, report.machine.memory);
  {
    step("preparing memory");
    const os::AnonymousMemory memory = filled_memory(region, threads);
    for (const unsigned t : counts) {
      if (t > 1) step(fmt::format("reading memory with {} threads", t));
      report.memory.push_back(measure_bandwidth({memory.data(), memory.size()}, t, time));
    }
    step("reading with other compute units");
    report.units = measure_units({memory.data(), memory.size()}, threads, time);
  }
  if (!options.file.empty()) {
    step("reading the file's mapping");
    report.file = read_mapping(file, region, threads, time);
  }
  step("multiplying with 1 thread");
  report.compute = measure_compute(1, compute_time);
  if (threads > 1) {
    step(fmt::format("multiplying with {} threads", threads));
    for (ComputeReading& reading : measure_compute(threads, compute_time)) {
      report.compute.push_back(std::move(reading));
    }
  }
  report.after = os::conditions();
  report.warnings = warnings_of(report);
  return report;
}

}  // namespace ceiling::probe
