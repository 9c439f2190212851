#include "device/cuda/executable.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "device/cuda/check.h"

namespace ceiling::cuda {
namespace {

StepRows most_rows(const CompileOptions& options) {
  return {options.max_rows, options.max_logit_rows};
}

bool is_prompt(const Batch& batch) {
  for (std::size_t i = 1; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    const BatchRow& before = batch.rows[i - 1];
    if (row.sequence != before.sequence || row.position != before.position + 1) return false;
  }
  return true;
}

bool is_distinct(const Batch& batch) {
  std::set<std::uint32_t> sequences;
  for (const BatchRow& row : batch.rows) sequences.insert(row.sequence);
  return sequences.size() == batch.rows.size();
}

bool is_deep(const Batch& batch) {
  return std::ranges::any_of(batch.rows, [](const BatchRow& row) { return row.position >= kDeep; });
}

// The matrices that only steps of one streamed range use, range by range.
std::vector<std::vector<WeightId>> streamed_weights(const CudaExecutable::Parts& parts) {
  const auto& ranges = parts.options.streamed;
  std::map<WeightId, std::set<std::size_t>> users;  // a range, or ranges.size() for all else
  for (std::size_t i = parts.begin; i < parts.end; ++i) {
    const auto range = std::ranges::find_if(
        ranges, [&](const StepRange& one) { return i >= one.begin && i < one.end; });
    for (const WeightId id : access(parts.program.steps[i].operation).weights) {
      users[id].insert(static_cast<std::size_t>(range - ranges.begin()));
    }
  }
  std::vector<std::vector<WeightId>> out(ranges.size());
  for (const auto& [id, used_by] : users) {
    const bool matrix = parts.program.weights[id].groups * parts.program.weights[id].rows > 1;
    if (matrix && used_by.size() == 1 && *used_by.begin() < ranges.size()) {
      out[*used_by.begin()].push_back(id);
    }
  }
  return out;
}

std::shared_ptr<DeviceWeights> weights_of(const CudaExecutable::Parts& parts) {
  DeviceWeights::Source source{.program = parts.program,
                               .weights = parts.weights,
                               .copied = {},
                               .streamed = {},
                               .lenders = parts.lenders};
  for (const std::vector<WeightId>& range : streamed_weights(parts)) {
    source.streamed.insert(range.begin(), range.end());
  }
  for (std::size_t i = parts.begin; i < parts.end; ++i) {
    for (const WeightId id : access(parts.program.steps[i].operation).weights) {
      if (!source.streamed.contains(id)) source.copied.insert(id);
    }
  }
  return std::make_shared<DeviceWeights>(*parts.context, std::move(source));
}

Shared<PinnedMemory> pinned_floats(const CudaExecutable::Parts& parts, std::string_view purpose,
                                   const std::vector<ValueId>& values) {
  const std::size_t floats = floats_of(parts.program, values, most_rows(parts.options));
  return parts.context->scratch().pinned(purpose, floats * sizeof(float));
}

}  // namespace

CudaExecutable::CudaExecutable(Parts parts)
    : parts_(std::move(parts)),
      ends_(parts_.program, parts_.begin, parts_.end),
      plan_(plan_segment(parts_.program, parts_.begin, parts_.end)),
      weights_(weights_of(parts_)),
      rows_({.max_rows = std::max(parts_.options.max_rows, parts_.options.max_logit_rows),
             .page_positions = parts_.kv.front()->page_positions(),
             .page_count = ends_.has_state ? parts_.kv.front()->page_count() : 0}),
      runner_(parts_.context, parts_.program, weights_, parts_.kv, plan_, parts_.options),
      boundary_(pinned_floats(parts_, "values that enter", ends_.entering)),
      result_(pinned_floats(parts_, "results", ends_.leaving)),
      traffic_(parts_.program, parts_.begin, parts_.end, parts_.kv.front()->type()) {
  if (parts_.stream) {
    first_piece_ = parts_.stream->add(parts_.options.round, parts_.program, parts_.weights,
                                      streamed_weights(parts_));
  }
  reset_profile();
}

CudaExecutable::~CudaExecutable() {
  cudaStreamSynchronize(parts_.context->stream());
  drop_graphs();
  for (const cudaEvent_t event : events_) cudaEventDestroy(event);
}

void CudaExecutable::drop_graphs() {
  for (const auto& [shape, graph] : graphs_) cudaGraphExecDestroy(graph);
  graphs_.clear();
}

std::uint64_t CudaExecutable::workspace_bytes() const {
  return runner_.workspace_bytes() + rows_.bytes();
}

Traffic CudaExecutable::traffic() const {
  Traffic out = traffic_.total;
  out.copied_bytes = weights_->bytes();
  for (std::size_t i = 0; parts_.stream && i < parts_.options.streamed.size(); ++i) {
    out.link_bytes += parts_.stream->crossed_bytes(first_piece_ + i);
  }
  return out;
}

void CudaExecutable::copy_in() {
  rows_.copy(parts_.context->stream());
  const float* from = boundary_.as<float>();
  for (const ValueId id : ends_.entering) {
    const std::size_t floats = std::size_t{parts_.program.values[id].width} * runner_.rows_of(id);
    if (floats == 0) continue;
    check(cudaMemcpyAsync(runner_.value(id), from, floats * sizeof(float), cudaMemcpyHostToDevice,
                          parts_.context->stream()),
          "copying values that enter");
    from += floats;
  }
}

void CudaExecutable::put_all() {
  for (const Planned& planned : plan_) put(planned);
}

// Streamed ranges are there before the first of their work is put, and let go after the last.
void CudaExecutable::put(const Planned& planned) {
  const auto& ranges = parts_.options.streamed;
  const std::size_t first = planned.steps.front();
  const std::size_t last = planned.steps.back();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (first > ranges[i].begin || last < ranges[i].begin) continue;
    for (const auto& [id, data] : parts_.stream->acquire(first_piece_ + i)) {
      weights_->place(id, data);
    }
  }
  runner_.put(planned.work);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (first < ranges[i].end && last + 1 >= ranges[i].end) {
      parts_.stream->release(first_piece_ + i);
    }
  }
}

void CudaExecutable::copy_out() {
  float* to = result_.as<float>();
  for (const ValueId id : ends_.leaving) {
    const std::size_t floats = std::size_t{parts_.program.values[id].width} * runner_.rows_of(id);
    if (floats == 0) continue;
    check(cudaMemcpyAsync(to, runner_.value(id), floats * sizeof(float), cudaMemcpyDeviceToHost,
                          parts_.context->stream()),
          "copying results");
    to += floats;
  }
}

cudaGraphExec_t CudaExecutable::graph(const Shape& shape) {
  if (const auto known = graphs_.find(shape); known != graphs_.end()) return known->second;
  const cudaStream_t stream = parts_.context->stream();
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capturing a step");
  cudaGraph_t captured = nullptr;
  try {
    copy_in();
    put_all();
    copy_out();
  } catch (...) {
    cudaStreamEndCapture(stream, &captured);
    if (captured != nullptr) cudaGraphDestroy(captured);
    throw;
  }
  check(cudaStreamEndCapture(stream, &captured), "capturing a step");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t result = cudaGraphInstantiate(&executable, captured, 0);
  cudaGraphDestroy(captured);
  check(result, "making a graph of a step");
  graphs_[shape] = executable;
  return executable;
}

std::span<const float> CudaExecutable::run(const Batch& batch, const PageTables& tables,
                                           std::span<const float> boundary_in) {
  check_step(batch, boundary_in, parts_.program, ends_, parts_.options, "cuda");
  if (rows_.fill(batch, tables)) drop_graphs();
  if (!boundary_in.empty()) {
    std::memcpy(boundary_.data(), boundary_in.data(), boundary_in.size_bytes());
  }
  const StepRows rows = step_rows(batch);
  shape_ = {rows.rows, rows.logit_rows, is_distinct(batch), is_deep(batch)};
  const bool few = shape_.rows <= Matvec::kMostRows;
  runner_.begin(rows_.rows(), {.rows = shape_.rows,
                               .logit_rows = shape_.logit_rows,
                               .prompt = !few && is_prompt(batch),
                               .distinct = shape_.distinct,
                               .deep = shape_.deep,
                               .overlap = few && !profiling_ && !parts_.stream});
  if (profiling_) {
    run_profiled(batch);
  } else if (few && !parts_.stream && !seen_.insert(shape_).second) {
    check(cudaGraphLaunch(graph(shape_), parts_.context->stream()), "starting a step");
    parts_.context->wait();
  } else {
    copy_in();
    put_all();
    copy_out();
    parts_.context->wait();
  }
  traffic_.add(batch);
  return {result_.as<float>(), floats_of(parts_.program, ends_.leaving, rows)};
}

// Each line by itself, between two events: without overlap, so that times can be told apart.
void CudaExecutable::run_profiled(const Batch& batch) {
  const cudaStream_t stream = parts_.context->stream();
  while (events_.size() < plan_.size() + 3) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "making an event");
    events_.push_back(event);
  }
  const auto start = std::chrono::steady_clock::now();
  std::size_t next = 0;
  const auto mark = [&] { check(cudaEventRecord(events_[next++], stream), "marking a time"); };
  mark();
  copy_in();
  mark();
  for (const Planned& planned : plan_) {
    put(planned);
    mark();
  }
  copy_out();
  mark();
  parts_.context->wait();
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  double explained = 0;
  const auto between = [&](std::size_t i) {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, events_[i], events_[i + 1]), "reading a time");
    explained += milliseconds * 1e-3;
    return milliseconds * 1e-3;
  };
  const std::vector<Cost> costs = cost_by_step(parts_.program, batch, parts_.kv.front()->type());
  Line& copies = lines_[plan_.size()];
  copies.time.value += between(0) + between(plan_.size() + 1);
  ++copies.calls;
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    lines_[i].time.value += between(i + 1);
    ++lines_[i].calls;
    for (const std::size_t step : plan_[i].steps) lines_[i].cost += costs[step];
  }
  Line& rest = lines_.back();
  rest.time.value += std::max(wall - explained, 0.0);
  ++rest.calls;
}

void CudaExecutable::reset_profile() { lines_.assign(plan_.size() + 2, {}); }

// Lines with the same label are one entry.
std::vector<ProfileEntry> CudaExecutable::profile() const {
  std::map<std::string, ProfileEntry> entries;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const std::string label = i < plan_.size()    ? plan_[i].label
                              : i == plan_.size() ? "copies over the link"
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

}  // namespace ceiling::cuda
