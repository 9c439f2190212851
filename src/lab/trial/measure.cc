#include "lab/trial/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "base/error.h"
#include "engine/session.h"
#include "lab/trial/energy_clock.h"
#include "lab/trial/measure_treatments.h"
#include "lab/trial/memory_fill.h"
#include "lab/trial/probed_memory.h"
#include "model/cost.h"
#include "os/cpu.h"
#include "os/energy.h"
#include "os/event_counter.h"
#include "os/memory.h"
#include "os/memory_map.h"
#include "probe/read_probe.h"

namespace ceiling::lab {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A token number that depends on nothing but its place: the work is the same in every trial.
Token token_at(std::uint32_t position, std::uint32_t vocabulary) {
  const std::uint64_t mixed = (position + 1) * 0x9E3779B97F4A7C15ULL;
  return static_cast<Token>((mixed >> 33) % vocabulary);
}

Token greedy(std::span<const float> logits) {
  return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Each page once, so that no later read is the first in this process.
void map_pages(std::span<const std::byte> bytes) {
  constexpr std::size_t kSmallestPage = 4096;
  for (std::size_t i = 0; i < bytes.size(); i += kSmallestPage) {
    static_cast<void>(*static_cast<const volatile std::byte*>(bytes.data() + i));
  }
}

// Readings of the memory at fixed intervals of decode time; energy is counted between them.
class Interleaver {
 public:
  Interleaver(probe::ReadProbe& probe, double bytes_per_token, std::vector<ProbeSlice>& slices,
              EnergyClock& energy)
      : probe_(probe), slices_(slices), energy_(energy) {
    // A quarter of what a token reads, within what a slice can measure and a large model can spare.
    constexpr double kLeast = 64 << 20;
    constexpr double kMost = 512 << 20;
    amount_ = {static_cast<std::uint64_t>(std::clamp(bytes_per_token / 4, kLeast, kMost))};
  }

  // Before the first token, between tokens, and after the last one.
  void begin() {
    slice(0);
    energy_.start();
  }
  void decoded(double seconds, std::uint32_t after_token) {
    constexpr double kBetweenSlices = 0.02;
    decoded_s_ += seconds;
    if (decoded_s_ < kBetweenSlices) return;
    energy_.stop();
    slice(after_token);
    energy_.start();
  }
  void end(std::uint32_t after_token) {
    energy_.stop();
    slice(after_token);
  }

 private:
  void slice(std::uint32_t after_token) {
    // The engine's threads spin for a moment after a step; they must not share a core with the
    // probe.
    std::this_thread::sleep_for(std::chrono::microseconds(500));
    const probe::ReadSlice slice = probe_.read(amount_);
    slices_.push_back({after_token, slice.bytes.value, slice.time.value});
    decoded_s_ = 0;
  }

  probe::ReadProbe& probe_;
  std::vector<ProbeSlice>& slices_;
  EnergyClock& energy_;
  Bytes amount_;
  double decoded_s_ = 0;
};

class Measurement {
 public:
  Measurement(const Cell& cell, const std::string& path) : cell_(cell), path_(path) {
    result_.cell = cell.id;
    result_.threads = cell.threads;
  }

  TrialResult run() {
    const auto usable = static_cast<unsigned>(os::cpu_info().usable.size());
    if (cell_.work == Work::fill) begin_filling();
    if (cell_.work == Work::cold_load || cell_.work == Work::fill) {
      evict();
    } else {
      touch_pages();
    }
    os::Conditions before = os::conditions();
    load();
    prefill();
    if (cell_.work == Work::fill) {
      fill_memory();
      before = os::conditions();  // what the pages cost on their way in is not decode's
    }
    decode();
    treat();
    result_.conditions = between(before, os::conditions(), usable);
    if (fill_) {
      result_.filled->refaults = fill_->refaults() - refaults_before_;
      fill_->check();
      fill_.reset();
    } else {
      profile();
    }
    result_.resident_bytes = os::process_memory().resident.value;
    return std::move(result_);
  }

 private:
  void touch_pages() {
    const auto start = Clock::now();
    const os::MappedFile file = os::MappedFile::open(path_);
    result_.file_bytes = file.bytes().size();
    result_.cached_share = file.resident_share();
    file.populate(cell_.threads);
    result_.touch_s = seconds_since(start);
  }

  void evict() {
    os::evict_from_page_cache(path_);
    const os::MappedFile file = os::MappedFile::open(path_);
    result_.file_bytes = file.bytes().size();
    result_.cached_share = file.resident_share();
  }

  // The memory that the probe reads is touched first, so that it is not charged to a group.
  void begin_filling() {
    memory_ = std::make_unique<ProbedMemory>(std::span<const std::byte>());
    fill_ = begin_fill(cell_);
  }

  // All pages are in memory. Once it is filled, the file's pages are touched once more.
  void fill_memory() {
    result_.filled = fill_->fill(cell_, os::MappedFile::open(path_), memory_->region().size());
    map_pages(model_->file().bytes());
    refaults_before_ = fill_->refaults();
  }

  void load() {
    // Before the threads are started that it is to count.
    if (!cell_.treatments.empty()) misses_.emplace(os::Event::cache_misses);
    const auto start = Clock::now();
    model_ = Model::open(path_);
    SessionOptions options;
    options.device = cell_.device;
    options.threads = cell_.threads;
    options.context = cell_.prompt_tokens + cell_.most_tokens + kProfiledTokens + 1;
    for (const Treatment& treatment : cell_.treatments) {
      options.sequences = std::max(options.sequences, treatment.sequences);
    }
    options.logit_rows = options.sequences;
    session_ = std::make_unique<Session>(model_, options);
    if (cell_.work == Work::cold_load || cell_.work == Work::fill)
      os::MappedFile::open(path_).populate(cell_.threads);
    result_.load_s = seconds_since(start);
    result_.device = session_->device().description();
    result_.residency = name(session_->placement().segments.front().residency);
    map_pages(model_->file().bytes());
  }

  void prefill() {
    const std::uint32_t vocabulary = model_->program().vocabulary;
    std::vector<Token> prompt;
    prompt.reserve(cell_.prompt_tokens);
    for (std::uint32_t i = 0; i < cell_.prompt_tokens; ++i) {
      prompt.push_back(token_at(i, vocabulary));
    }
    const auto start = Clock::now();
    const std::span<const float> logits = session_->append(0, prompt);
    result_.prefill_s = seconds_since(start);
    next_ = greedy(logits);
    result_.first_token_s = seconds_since(start);
    result_.prompt_tokens = cell_.prompt_tokens;
    const Cost cost = ceiling::cost(model_->program(), shape_batch(0, cell_.prompt_tokens));
    result_.prefill_operations = cost.operations;
    result_.prefill_bytes = cost.read_bytes();
  }

  double step() {
    const auto start = Clock::now();
    next_ = greedy(session_->append(0, std::span(&next_, 1)));
    return seconds_since(start);
  }

  void decode() {
    const Program& program = model_->program();
    if (!memory_) memory_ = std::make_unique<ProbedMemory>(model_->file().bytes());
    probe::ReadProbe probe(memory_->region(), cell_.threads);
    const Cost first = mean_decode_cost(program, cell_.prompt_tokens, 1);
    EnergyClock energy(os::energy_meters());
    Interleaver interleaver(probe, static_cast<double>(first.read_bytes()), result_.slices, energy);
    interleaver.begin();
    double clock_s = 0;
    std::uint32_t count = 0;
    while (count < cell_.most_tokens &&
           (count < cell_.least_tokens || clock_s < cell_.most_decode_s)) {
      const double seconds = step();
      result_.token_s.push_back(seconds);
      clock_s += seconds;
      interleaver.decoded(seconds, ++count);
    }
    interleaver.end(count);
    result_.energy = energy.drawn();
    const Cost mean = mean_decode_cost(program, cell_.prompt_tokens, count);
    result_.decode_read_bytes = mean.read_bytes() * count;
    result_.decode_operations = mean.operations * count;
  }

  // The treated steps follow the plain ones, at one depth; a reading of the memory in each cycle.
  void treat() {
    if (cell_.treatments.empty()) return;
    probe::ReadProbe probe(memory_->region(), cell_.threads);
    const Cost one = mean_decode_cost(model_->program(), session_->length(0), 1);
    std::vector<ProbeSlice> slices;
    EnergyClock no_energy({});
    Interleaver interleaver(probe, static_cast<double>(one.read_bytes()), slices, no_energy);
    CycleLimits limits;
    limits.seconds = cell_.most_decode_s;
    result_.treated = measure_treatments(
        *session_, cell_.treatments, next_, limits, [&] { interleaver.end(cell_.most_tokens); },
        [&] { return misses_->count(); });
    for (const ProbeSlice& slice : slices) {
      const auto cycle = static_cast<std::uint32_t>(result_.treated_memory.size());
      result_.treated_memory.push_back({cycle, slice.bytes, slice.seconds});
    }
  }

  // Where a token's time goes, from a few more steps with the profiler on: it costs time, so these
  // steps are not measured ones.
  void profile() {
    Executable& executable = session_->executable();
    executable.set_profiling(true);
    executable.reset_profile();
    for (std::uint32_t i = 0; i < kProfiledTokens; ++i) step();
    for (const ProfileEntry& entry : executable.profile()) {
      result_.profile.push_back({entry.label, entry.time.value / kProfiledTokens,
                                 static_cast<double>(entry.bytes) / kProfiledTokens});
    }
    executable.set_profiling(false);
  }

  static constexpr std::uint32_t kProfiledTokens = 3;

  const Cell& cell_;
  std::string path_;
  TrialResult result_;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Session> session_;
  Token next_ = 0;
  std::unique_ptr<ProbedMemory> memory_;  // of the model, or plain
  std::unique_ptr<MemoryFill> fill_;
  std::optional<os::EventCounter> misses_;
  std::uint64_t refaults_before_ = 0;
};

template <typename Number>
std::optional<double> difference(const std::optional<Number>& before,
                                 const std::optional<Number>& after) {
  if (!before || !after) return std::nullopt;
  return static_cast<double>(*after) - static_cast<double>(*before);
}

std::optional<double> share_of(std::optional<double> seconds, double all) {
  if (!seconds || !(all > 0)) return std::nullopt;
  return *seconds / all;
}

}  // namespace

TrialConditions between(const os::Conditions& before, const os::Conditions& after,
                        unsigned processors) {
  TrialConditions result;
  result.elapsed_s = after.monotonic_s - before.monotonic_s;
  const double with_sleep_s = after.boottime_s - before.boottime_s;
  result.slept_s = with_sleep_s - result.elapsed_s;
  result.clock_jump_s = after.wall_s - before.wall_s - with_sleep_s;
  const double all = result.elapsed_s * processors;
  result.steal_share = share_of(difference(before.steal_s, after.steal_s), all);
  result.others_share = share_of(difference(before.busy_others_s, after.busy_others_s), all);
  if (result.others_share && result.elapsed_s > 0) {
    result.others_share_resolution = 2 * after.busy_resolution_s / result.elapsed_s;
  }
  result.load_1min = after.load_1min;
  result.memory_stall_s = difference(before.memory_stall_s, after.memory_stall_s);
  result.cpu_stall_s = difference(before.cpu_stall_s, after.cpu_stall_s);
  result.major_faults = difference(before.major_faults, after.major_faults);
  result.refaults = difference(before.refaults, after.refaults);
  result.swap_in_pages = difference(before.swap_in_pages, after.swap_in_pages);
  result.swap_out_pages = difference(before.swap_out_pages, after.swap_out_pages);
  result.frequency_mhz = after.frequency_mhz;
  result.temperature_c = after.temperature_c;
  result.throttle_events = difference(before.throttle_events, after.throttle_events);
  return result;
}

TrialResult measure(const Cell& cell, const std::string& path) {
  return Measurement(cell, path).run();
}

}  // namespace ceiling::lab
