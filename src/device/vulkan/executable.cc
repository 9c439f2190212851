#include "device/vulkan/executable.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error.h"

namespace ceiling::vulkan {
namespace {

constexpr std::size_t kMostRecordings = 16;

StepRows most_rows(const CompileOptions& options) {
  return {options.max_rows, options.max_logit_rows};
}

bool is_prompt(const Batch& batch) {
  if (batch.rows.size() <= kFewRows) return false;
  for (std::size_t i = 1; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    const BatchRow& before = batch.rows[i - 1];
    if (row.sequence != before.sequence || row.position != before.position + 1) return false;
  }
  return true;
}

}  // namespace

VulkanExecutable::VulkanExecutable(Parts parts)
    : parts_(std::move(parts)),
      ends_(parts_.program, parts_.begin, parts_.end),
      plan_(plan_segment(parts_.program, parts_.begin, parts_.end)),
      layout_({.max_rows = std::max(parts_.options.max_rows, parts_.options.max_logit_rows),
               .page_positions = parts_.kv->page_positions(),
               .page_count = ends_.has_state ? parts_.kv->page_count() : 0}),
      runner_({.context = parts_.context,
               .program = &parts_.program,
               .weights = parts_.weights,
               .kv = parts_.kv,
               .rows = layout_,
               .options = parts_.options},
              plan_),
      words_(*parts_.context, (layout_.pages() + std::max<std::size_t>(layout_.page_count, 1)) * 4,
             Place::upload, "the rows of a step"),
      words_there_(*parts_.context, words_.size(), Place::device, "the rows of a step"),
      boundary_(
          *parts_.context,
          floats_of(parts_.program, ends_.entering, most_rows(parts_.options)) * sizeof(float),
          Place::upload, "values that enter"),
      result_(*parts_.context,
              floats_of(parts_.program, ends_.leaving, most_rows(parts_.options)) * sizeof(float),
              Place::readback, "results"),
      traffic_(parts_.program, parts_.begin, parts_.end, KvType::f16) {
  reset_profile();
}

std::uint64_t VulkanExecutable::workspace_bytes() const {
  return runner_.workspace_bytes() + words_.size() + words_there_.size() + boundary_.size() +
         result_.size();
}

Traffic VulkanExecutable::traffic() const {
  Traffic out = traffic_.total;
  out.copied_bytes = parts_.weights->copied_bytes();
  return out;
}

Upload VulkanExecutable::upload() const {
  return {{parts_.weights->copied_bytes()}, parts_.weights->time()};
}

void VulkanExecutable::fill_rows(const Batch& batch, const PageTables& tables) {
  const std::size_t words = layout_.pages() + table_entries(layout_, batch, tables);
  if (words * 4 > words_.size()) {
    recordings_.clear();  // they name the buffer
    words_ = Buffer(*parts_.context, 2 * words * 4, Place::upload, "the rows of a step");
    words_there_ = Buffer(*parts_.context, words_.size(), Place::device, "the rows of a step");
  }
  write_rows(layout_, batch, tables, {words_.as<std::uint32_t>(), words_.size() / 4});
}

void VulkanExecutable::copy_in(Recording& recording, StepRows rows) {
  recording.copy({words_.handle(), 0, words_.size()}, {words_there_.handle(), 0, words_.size()});
  std::uint64_t at = 0;
  for (const ValueId id : ends_.entering) {
    const Span to = runner_.value(id);
    if (rows.of(parts_.program.values[id]) == 0) continue;
    recording.copy({boundary_.handle(), at, to.bytes}, to);
    at += to.bytes;
  }
  recording.copy_barrier();
}

void VulkanExecutable::copy_out(Recording& recording, StepRows rows) {
  recording.copy_barrier();
  std::uint64_t at = 0;
  for (const ValueId id : ends_.leaving) {
    const Span from = runner_.value(id);
    if (rows.of(parts_.program.values[id]) == 0) continue;
    recording.copy(from, {result_.handle(), at, from.bytes});
    at += from.bytes;
  }
}

std::unique_ptr<Recording> VulkanExecutable::record(const Shape& shape, std::uint32_t marks) {
  const StepRows rows{shape.rows, shape.logit_rows};
  auto recording = std::make_unique<Recording>(parts_.context, parts_.pipelines, marks);
  runner_.begin(*recording, {words_there_.handle(), 0, words_there_.size()},
                {.rows = rows, .prompt = shape.prompt});
  recording->mark();
  copy_in(*recording, rows);
  recording->mark();
  for (const Planned& planned : plan_) {
    runner_.put(planned.work);
    recording->mark();
  }
  copy_out(*recording, rows);
  recording->mark();
  recording->end();
  return recording;
}

const Recording& VulkanExecutable::recorded(const Shape& shape) {
  const auto known = recordings_.find(shape);
  if (known != recordings_.end()) return *known->second;
  if (recordings_.size() >= kMostRecordings) recordings_.clear();  // prompts of many lengths
  return *(recordings_[shape] = record(shape, 0));
}

std::span<const float> VulkanExecutable::run(const Batch& batch, const PageTables& tables,
                                             std::span<const float> boundary_in) {
  check_step(batch, boundary_in, parts_.program, ends_, parts_.options, "vulkan");
  fill_rows(batch, tables);
  if (!boundary_in.empty()) {
    std::memcpy(boundary_.data(), boundary_in.data(), boundary_in.size_bytes());
  }
  const StepRows rows = step_rows(batch);
  const Shape shape{rows.rows, rows.logit_rows, is_prompt(batch)};
  if (profiling_) {
    run_profiled(shape, batch);
  } else {
    recorded(shape).run();
  }
  traffic_.add(batch);
  return {result_.as<float>(), floats_of(parts_.program, ends_.leaving, rows)};
}

// With the device's clock between lines; without one, all lines are one.
void VulkanExecutable::run_profiled(const Shape& shape, const Batch& batch) {
  const bool clock = parts_.context->features().timestamps;
  const auto marks = static_cast<std::uint32_t>(plan_.size() + 3);
  const std::unique_ptr<Recording> recording = record(shape, clock ? marks : 0);
  const auto start = std::chrono::steady_clock::now();
  recording->run();
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::vector<Seconds> times = recording->times();
  const std::vector<Cost> costs = cost_by_step(parts_.program, batch);
  double explained = 0;
  const auto count = [&](Line& line, std::size_t interval) {
    if (!clock) return;
    line.time = line.time + times[interval];
    explained += times[interval].value;
    ++line.calls;
  };
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    count(lines_[i], i + 1);
    for (const std::size_t step : plan_[i].steps) lines_[i].cost += costs[step];
  }
  count(lines_[plan_.size()], 0);
  count(lines_[plan_.size()], plan_.size() + 1);
  Line& rest = lines_.back();
  rest.time.value += std::max(wall - explained, 0.0);
  ++rest.calls;
}

void VulkanExecutable::reset_profile() { lines_.assign(plan_.size() + 2, {}); }

// Lines with the same label are one entry.
std::vector<ProfileEntry> VulkanExecutable::profile() const {
  const bool clock = parts_.context->features().timestamps;
  std::map<std::string, ProfileEntry> entries;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const std::string label = !clock              ? "all (the device has no clock)"
                              : i < plan_.size()  ? plan_[i].label
                              : i == plan_.size() ? "copies"
                                                  : "launches and gaps";
    ProfileEntry& entry = entries[label];
    entry.label = label;
    if (i < plan_.size()) {
      entry.steps.insert(entry.steps.end(), plan_[i].steps.begin(), plan_[i].steps.end());
    }
    entry.time.value += lines_[i].time.value;
    entry.bytes += lines_[i].cost.read_bytes();
    entry.operations += lines_[i].cost.operations;
    entry.calls += lines_[i].calls;
  }
  std::vector<ProfileEntry> out;
  out.reserve(entries.size());
  for (auto& [label, entry] : entries) out.push_back(std::move(entry));
  return out;
}

}  // namespace ceiling::vulkan
