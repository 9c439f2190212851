#include "device/cpu/executable.h"

#include <algorithm>
#include <cassert>

#include "base/error.h"
#include "device/batch_check.h"
#include "device/cpu/added_work.h"
#include "device/cpu/attend.h"
#include "device/cpu/fuse.h"
#include "device/cpu/run_experts.h"
#include "device/cpu/run_rows.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kAlignment = 128;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Ranges of one region, in the order asked for.
class Carver {
 public:
  explicit Carver(std::byte* base) : base_(base) {}
  template <typename T>
  T* take(std::size_t count) {
    const std::size_t at = used_;
    used_ += aligned(count * sizeof(T));
    return base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + at);
  }
  std::size_t used() const { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

}  // namespace

CpuExecutable::CpuExecutable(Parts parts)
    : parts_(std::move(parts)),
      flow_(parts_.program, parts_.begin, parts_.end),
      plan_(fuse(parts_.program, *parts_.weights, parts_.begin, parts_.end, parts_.pool->threads(),
                 flow_)),
      machine_{.plan = &plan_,
               .matmul = MatMul(parts_.isa),
               .kernels = &row_kernels(parts_.isa),
               .kv = parts_.kv,
               .added = {}},
      step_(parts_.pool->threads()),
      threads_(parts_.pool->threads()),
      traffic_(parts_.program, parts_.begin, parts_.end, parts_.kv->type()) {
  std::size_t largest_group = 1;
  for (const Phase& phase : plan_.phases) {
    const auto* attention = std::get_if<AttentionPhase>(&phase);
    if (attention == nullptr) continue;
    largest_group = std::max<std::size_t>(largest_group, attention->group());
    attends_ = true;
  }
  rows_of_block_ = std::max<std::size_t>(kBlockQueries / largest_group, 1);
  allocate();
  reset_profile();
}

void CpuExecutable::allocate() {
  const std::size_t rows = parts_.options.max_rows;
  const std::size_t logits = parts_.options.max_logit_rows;
  const Places few =
      place_variables(plan_, flow_, true, std::min(rows, kFewRows), std::min(logits, kFewRows));
  const Places many = place_variables(plan_, flow_, false, rows, logits);
  ProductMemory products;
  std::size_t states = 0;
  std::size_t weighted = 0;
  std::size_t queries = 0;
  std::size_t head = 0;
  for (Phase& phase : plan_.phases) {
    if (const auto* p = std::get_if<ProductPhase>(&phase)) {
      grow(products, machine_.matmul, *p, std::max(rows, logits));
    } else if (auto* e = std::get_if<ExpertPhase>(&phase)) {
      grow(products, machine_.matmul, *e, std::max(rows, logits));
    } else if (const auto* a = std::get_if<AttentionPhase>(&phase)) {
      const std::size_t most = partial_states(rows, a->heads);
      states = std::max(states, most);
      weighted = std::max(weighted, most * machine_.kv->value_pitch(a->kv));
      queries = std::max(queries, rows_of_block_ * a->group());
      head = std::max<std::size_t>(head, a->shape.key_width);
    }
  }
  const auto carve_shared = [&](std::byte* base) {
    Carver carver(base);
    auto* vars = carver.take<float>(std::max(few.shared_floats, many.shared_floats));
    step_.prepared = carver.take<std::byte>(products.many_prepared);
    step_.partials.largest = carver.take<float>(states);
    step_.partials.sum = carver.take<float>(states);
    step_.partials.weighted = carver.take<float>(weighted);
    step_.rope.clear();
    for (const RopeTable& table : plan_.rope_tables) {
      step_.rope.push_back(carver.take<float>(rows * table.rotated));
    }
    return std::pair(vars, carver.used());
  };
  shared_ = os::AnonymousMemory(carve_shared(nullptr).second);
  float* const shared_vars = carve_shared(shared_.data()).first;

  const auto carve_own = [&](std::byte* base, ThreadState& thread) {
    Carver carver(base);
    auto* vars = carver.take<float>(std::max(few.own_floats, many.own_floats));
    thread.prepared = carver.take<std::byte>(products.few_prepared);
    thread.workspace = carver.take<std::byte>(products.workspace);
    thread.wide_floats = products.wide_floats;
    thread.wide = carver.take<float>(2 * products.wide_floats);
    thread.query = carver.take<float>(queries * head);
    thread.head = carver.take<float>(head);
    thread.visible.resize(queries);
    return std::pair(vars, carver.used());
  };
  const std::size_t own = carve_own(nullptr, threads_[0]).second;
  own_ = os::AnonymousMemory(own * threads_.size());
  for (std::size_t t = 0; t < threads_.size(); ++t) {
    float* const own_vars = carve_own(own_.data() + t * own, threads_[t]).first;
    set_slots(few, shared_vars, own_vars, threads_[t].few_slots);
    set_slots(many, shared_vars, own_vars, threads_[t].many_slots);
  }
}

void CpuExecutable::set_slots(const Places& places, float* shared, float* own,
                              std::vector<Slot>& slots) const {
  for (const Place& place : places.of) {
    slots.push_back({(place.own ? own : shared) + place.offset, place.pitch});
  }
}

void CpuExecutable::check(const Batch& batch, const PageTables& tables,
                          std::span<const float> boundary_in) const {
  const std::size_t rows = batch.rows.size();
  const std::size_t logits = batch.logit_rows();
  check_batch(batch, parts_.program, parts_.options, "cpu");
  for (const BatchRow& row : batch.rows) {
    if (!attends_) break;
    const std::size_t page = row.position / kPagePositions;
    if (row.sequence >= tables.size() || page >= tables[row.sequence].size() ||
        tables[row.sequence][page] >= parts_.kv->page_count()) {
      fail(ExitCode::failed, "position {} of sequence {} has no page in the KV cache", row.position,
           row.sequence);
    }
  }
  std::size_t expected = 0;
  for (const VarId id : flow_.entering()) {
    expected += flow_[id].width * (flow_[id].rows == RowSet::batch ? rows : logits);
  }
  if (boundary_in.size() != expected) {
    fail(ExitCode::failed, "{} values enter the segment, {} were expected", boundary_in.size(),
         expected);
  }
}

void CpuExecutable::set_up(const Batch& batch, const PageTables& tables) {
  step_.batch = &batch;
  step_.tables = &tables;
  step_.rows = batch.rows.size();
  step_.few = step_.rows <= kFewRows;
  step_.logit_row.clear();
  step_.blocks.clear();
  step_.block_of_row.clear();
  sequences_.clear();
  for (std::uint32_t r = 0; r < step_.rows; ++r) {
    const BatchRow& row = batch.rows[r];
    if (row.logits) step_.logit_row.push_back(r);
    const bool same_block = !step_.blocks.empty() && step_.blocks.back().sequence == row.sequence &&
                            step_.blocks.back().rows < rows_of_block_;
    if (!same_block) step_.blocks.push_back({.first = r, .rows = 0, .sequence = row.sequence});
    ++step_.blocks.back().rows;
    step_.block_of_row.push_back(static_cast<std::uint32_t>(step_.blocks.size() - 1));
    if (std::ranges::find(sequences_, row.sequence) == sequences_.end()) {
      sequences_.push_back(row.sequence);
    }
  }
  step_.distinct = sequences_.size() == step_.rows;
  step_.logit_rows = step_.logit_row.size();
  step_.queues.clear();
  for (std::size_t r = 0; step_.few && r < step_.rows; ++r) fill_rope_tables(plan_, step_, r);
  for (ThreadState& thread : threads_) {
    thread.slots = step_.few ? thread.few_slots.data() : thread.many_slots.data();
  }
}

void CpuExecutable::take_in(std::span<const float> boundary_in) {
  const float* in = boundary_in.data();
  for (const VarId id : flow_.entering()) {  // shared by all threads
    const std::size_t width = flow_[id].width;
    for (std::size_t r = 0; r < step_.count(flow_[id].rows); ++r, in += width) {
      std::copy(in, in + width, threads_[0].slots[id].row(r));
    }
  }
}

std::span<const float> CpuExecutable::hand_out() {
  const auto& leaving = flow_.leaving();
  const ThreadState& caller = threads_[0];
  if (leaving.size() == 1) {  // its rows have no gaps
    const Var& var = flow_[leaving[0]];
    return {caller.slots[leaving[0]].data, step_.count(var.rows) * var.width};
  }
  handed_out_.clear();
  for (const VarId id : leaving) {
    const Var& var = flow_[id];
    for (std::size_t r = 0; r < step_.count(var.rows); ++r) {
      const float* row = caller.slots[id].row(r);
      handed_out_.insert(handed_out_.end(), row, row + var.width);
    }
  }
  return handed_out_;
}

std::span<const float> CpuExecutable::run(const Batch& batch, const PageTables& tables,
                                          std::span<const float> boundary_in) {
  if (profiling_) {
    started_ = ticks();
    threads_[0].clock.start(started_);
  }
  check(batch, tables, boundary_in);
  set_up(batch, tables);
  take_in(boundary_in);
  threads_[0].clock.mark(set_up_line(plan_));
  parts_.pool->run(thread_main, this);
  traffic_.add(batch);
  const std::span<const float> result = hand_out();
  if (profiling_) {
    for (ThreadState& thread : threads_) thread.clock.mark(set_up_line(plan_));
    count_lines(batch);
  }
  return result;
}

void CpuExecutable::set_added_work(const AddedWork& work) {
  if (!has_trials(plan_, machine_.matmul)) {
    fail(ExitCode::failed,
         "no kernels with added work for this model on this processor: use one at Q4_0, Q8_0, "
         "Q4_K, Q6_K or F16 on x86-64 with AVX2");
  }
  if (added_.size() == 0) {
    const auto threads = static_cast<unsigned>(threads_.size());
    added_ = make_added_memory(threads);
    for (unsigned t = 0; t < threads; ++t) threads_[t].added = part_of(added_, t, threads);
  }
  machine_.added = work;
}

void CpuExecutable::thread_main(void* self, Team& team) {
  auto& executable = *static_cast<CpuExecutable*>(self);
  ThreadState& thread = executable.threads_[team.index()];
  const std::size_t wait = wait_line(executable.plan_);
  if (executable.profiling_ && team.index() != 0) {
    thread.clock.start(executable.started_);
    thread.clock.mark(wait);
  }
  run_phases(executable.machine_, executable.step_, thread, team);
  if (executable.profiling_) {
    team.barrier();
    thread.clock.mark(wait);
  }
}

void CpuExecutable::set_profiling(bool on) {
  profiling_ = on;
  for (ThreadState& thread : threads_) thread.clock.set(on);
}

void CpuExecutable::count_lines(const Batch& batch) {
  const std::vector<Cost> costs = cost_by_step(parts_.program, batch, parts_.kv->type());
  for (std::size_t i = 0; i < plan_.lines.size(); ++i) {
    for (const std::size_t step : plan_.lines[i].steps) line_costs_[i] += costs[step];
  }
}

void CpuExecutable::reset_profile() {
  for (ThreadState& thread : threads_) thread.clock.reset(line_count(plan_));
  line_costs_.assign(line_count(plan_), {});
  rate_.reset();
}

Traffic CpuExecutable::traffic() const {
  Traffic traffic = traffic_.total;
  for (const ThreadState& thread : threads_) traffic.added_bytes += thread.added.total;
  return traffic;
}

std::vector<ProfileEntry> CpuExecutable::profile() const {
  const double per_tick = rate_.per_tick().value;
  std::vector<ProfileEntry> entries;
  for (std::size_t i = 0; i < line_count(plan_); ++i) {
    ProfileEntry entry;
    if (i < plan_.lines.size()) {
      entry.label = plan_.lines[i].label;
      entry.steps = plan_.lines[i].steps;
    } else {
      entry.label = i == wait_line(plan_) ? "wait at barriers" : "set-up";
    }
    std::uint64_t total = 0;
    for (const ThreadState& thread : threads_) total += thread.clock.ticks_of(i);
    const auto threads = static_cast<double>(threads_.size());
    entry.time = {static_cast<double>(total) / threads * per_tick};
    entry.bytes = line_costs_[i].read_bytes();
    entry.operations = line_costs_[i].operations;
    entry.calls = threads_[0].clock.calls_of(i);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace ceiling::cpu
