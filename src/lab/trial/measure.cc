#include "lab/trial/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "engine/session.h"
#include "lab/trial/device_budget.h"
#include "lab/trial/device_watch.h"
#include "lab/trial/energy_clock.h"
#include "lab/trial/interleaver.h"
#include "lab/trial/measure_treatments.h"
#include "lab/trial/memory_fill.h"
#include "lab/trial/probed_memory.h"
#include "model/cost.h"
#include "model/placement.h"
#include "os/cpu.h"
#include "os/energy.h"
#include "os/event_counter.h"
#include "os/gpu.h"
#include "os/memory.h"
#include "os/memory_map.h"

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

// "copied"; where parts lie apart "shared, copied".
std::string residency_of(const Placement& placement) {
  std::string text;
  for (const Segment& segment : placement.segments) {
    const std::string_view one = name(segment.residency);
    if (text.find(one) != std::string::npos) continue;
    text += (text.empty() ? "" : ", ") + std::string(one);
  }
  return text;
}

bool all_copied(const Placement& placement) {
  return std::ranges::all_of(placement.segments, [](const Segment& segment) {
    return segment.residency == Residency::copied;
  });
}

class Measurement {
 public:
  Measurement(const Cell& cell, const std::string& path) : cell_(cell), path_(path) {
    result_.cell = cell.id;
    result_.threads = cell.threads;
  }

  TrialResult run() {
    const auto usable = static_cast<unsigned>(os::cpu_info().usable.size());
    if (cell_.presses_host()) begin_filling();
    if (!cell_.on_cpu()) watch_.emplace(os::gpus());
    if (evicted()) {
      evict();
    } else {
      touch_pages();
    }
    os::Conditions before = os::conditions();
    load();
    warm_up();
    prefill();
    if (cell_.presses_host()) {
      fill_memory();
      before = os::conditions();  // what the pages cost on their way in is not decode's
    }
    decode();
    treat();
    result_.conditions = between(before, os::conditions(), usable);
    if (watch_) result_.conditions.device = watch_->seen();
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

  bool evicted() const { return cell_.work == Work::cold_load || cell_.presses_host(); }

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
    if (cell_.fill_by == FillBy::budget) set_budget(options);
    session_ = std::make_unique<Session>(model_, options);
    const bool on_device = all_copied(session_->placement());
    if (evicted() && !on_device) os::MappedFile::open(path_).populate(cell_.threads);
    result_.load_s = seconds_since(start);
    result_.device = session_->description();
    result_.residency = residency_of(session_->placement());
    if (!on_device) map_pages(model_->file().bytes());
    record_device();
  }

  void set_budget(SessionOptions& options) {
    const DeviceBudget budget = cell_.limit_bytes > 0
                                    ? smaller_card(model_->program(), options, cell_.limit_bytes)
                                    : device_budget(model_->program(), options, cell_.fill);
    options.device_memory = budget.limit_bytes;
    options.spill = SpillMode::cpu;
    result_.filled = FilledMemory{.limit_bytes = budget.limit_bytes,
                                  .working_set_bytes = budget.working_set_bytes};
  }

  // A device that reads its own memory is held against what that gives.
  void record_device() {
    reads_own_memory_ = session_->device().read_rate().has_value();
    if (watch_) watch_->choose(session_->device().bus_address());
    const Placement& placement = session_->placement();
    if (placement.copied_bytes == 0) return;
    const Upload upload = session_->executable().upload();
    result_.own_memory = DeviceRecord{.copied_bytes = upload.bytes.value,
                                      .copy_s = upload.time.value,
                                      .spilled_bytes = placement.spilled_bytes,
                                      .link_bytes_per_s = {}};
    if (const auto rate = session_->device().link_rate()) {
      result_.own_memory->link_bytes_per_s = rate->value;
    }
    if (result_.filled) result_.filled->charged_bytes = upload.bytes.value;
  }

  std::vector<Token> prompt_tokens() const {
    const std::uint32_t vocabulary = model_->program().vocabulary;
    std::vector<Token> prompt;
    prompt.reserve(cell_.prompt_tokens);
    for (std::uint32_t i = 0; i < cell_.prompt_tokens; ++i) {
      prompt.push_back(token_at(i, vocabulary));
    }
    return prompt;
  }

  // What a device does once in a process is no part of a speed: as in `bench`.
  void warm_up() {
    constexpr int kSteps = 3;
    if (!reads_own_memory_) return;
    const auto start = Clock::now();
    next_ = greedy(session_->append(0, prompt_tokens()));
    for (int i = 0; i < kSteps; ++i) step();
    session_->truncate(0, 0);
    if (result_.own_memory) result_.own_memory->warm_up_s = seconds_since(start);
  }

  void prefill() {
    const std::vector<Token> prompt = prompt_tokens();
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

  MemoryReadings memory_readings(double bytes_per_token) {
    if (reads_own_memory_) {
      MemoryReadings readings = readings_of(session_->device());
      if (watch_) readings.look = [this] { watch_->look(); };
      return readings;
    }
    if (!memory_) memory_ = std::make_unique<ProbedMemory>(model_->file().bytes());
    return readings_of(memory_->region(), cell_.threads, bytes_per_token);
  }

  void decode() {
    const Program& program = model_->program();
    const Cost first = mean_decode_cost(program, cell_.prompt_tokens, 1);
    const MemoryReadings readings = memory_readings(static_cast<double>(first.read_bytes()));
    EnergyClock energy(watch_ ? watch_->meters(os::energy_meters()) : os::energy_meters());
    Interleaver interleaver(readings, result_.slices, energy);
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
    for (DrawnEnergy& drawn : result_.energy) drawn.joules *= interleaver.share_of_decode();
    const Cost mean = mean_decode_cost(program, cell_.prompt_tokens, count);
    result_.decode_read_bytes = mean.read_bytes() * count;
    result_.decode_operations = mean.operations * count;
  }

  // The treated steps follow the plain ones, at one depth; a reading of the memory in each cycle.
  void treat() {
    if (cell_.treatments.empty()) return;
    const Cost one = mean_decode_cost(model_->program(), session_->length(0), 1);
    const MemoryReadings readings = memory_readings(static_cast<double>(one.read_bytes()));
    std::vector<ProbeSlice> slices;
    EnergyClock no_energy({});
    Interleaver interleaver(readings, slices, no_energy);
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
  std::optional<DeviceWatch> watch_;  // of a device besides the CPU
  std::uint64_t refaults_before_ = 0;
  bool reads_own_memory_ = false;  // what the device reads is its own ceiling
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
