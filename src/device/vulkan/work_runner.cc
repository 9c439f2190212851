#include "device/vulkan/work_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "device/vulkan/attention_shape.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint64_t kAlignment = 256;    // of values; no device asks for more
constexpr std::uint32_t kElementwise = 128;  // elements a workgroup, as add.comp has them

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::uint64_t value_bytes(const Value& value, const CompileOptions& options) {
  const std::uint64_t rows =
      value.rows == RowSet::batch ? options.max_rows : options.max_logit_rows;
  return aligned(rows * value.width * sizeof(float));
}

// int8 activations of kFewRows rows: integers, then scales and sums.
std::uint64_t int8_words(std::uint64_t cols) { return kFewRows * (cols / 4 + cols / 8); }

// float16 activations of any rows, and a scale for each.
std::uint64_t half_bytes(std::uint64_t rows, std::uint64_t cols) {
  return rows * (cols * 2 + sizeof(float));
}

}  // namespace

std::uint64_t most_workspace(const Program& program, const CompileOptions& options) {
  const std::uint64_t rows = std::max(options.max_rows, options.max_logit_rows);
  std::uint64_t total = 0;
  std::uint64_t widest = 0;
  for (const Value& value : program.values) {
    total += value_bytes(value, options);
    widest = std::max<std::uint64_t>(widest, value.width);
  }
  std::uint64_t parts = 0;
  for (const Step& step : program.steps) {
    if (const auto* attention = std::get_if<Attention>(&step.operation)) {
      const KvState& kv = program.kv[attention->kv];
      parts = std::max(parts, most_part_floats(attention->heads, kv));
    }
  }
  return total + rows * widest * sizeof(float) + int8_words(widest) * 4 + half_bytes(rows, widest) +
         parts * sizeof(float) + (std::uint64_t{1} << 20);
}

WorkRunner::WorkRunner(Parts parts, const std::vector<Planned>& plan) : parts_(std::move(parts)) {
  allocate_values();
  allocate_workspaces(plan);
  find_gates(plan);
}

void WorkRunner::allocate_values() {
  std::uint64_t total = 0;
  for (const Value& value : parts_.program->values) {
    value_at_.push_back(total);
    const std::uint64_t bytes = value_bytes(value, parts_.options);
    if (value.rows == RowSet::batch && bytes > parts_.context->limits().binding_bytes) {
      fail(ExitCode::failed,
           "vulkan: {} rows of '{}' are {}, the device's shaders see {} at once: ask for shorter "
           "batches, or use --device cpu",
           parts_.options.max_rows, value.name, format_capacity({bytes}),
           format_capacity({parts_.context->limits().binding_bytes}));
    }
    total += bytes;
  }
  value_memory_ = Buffer(*parts_.context, total, Place::device, "activations");
}

void WorkRunner::allocate_workspaces(const std::vector<Planned>& plan) {
  for (const Planned& planned : plan) {
    if (const auto* route = std::get_if<Route>(&planned.work)) check_experts(*route);
    if (const auto* products = std::get_if<Products>(&planned.work)) {
      const std::uint64_t cols = width(products->products.front().in);
      float_cols_ = std::max(float_cols_, cols);
      if (cols % 32 == 0) whole_cols_ = std::max(whole_cols_, cols);
    }
    const Attention* attention = std::get_if<Attention>(&planned.work);
    if (const auto* turns = std::get_if<Turns>(&planned.work)) {
      add_rotation(turns->query);
      add_rotation(turns->key);
      add_norm(turns->query);
      add_norm(turns->key);
      if (turns->attention) attention = &*turns->attention;
    }
    if (attention != nullptr) {
      const KvState& kv = parts_.program->kv[attention->kv];
      check_attention(*attention, kv);
      part_floats_ = std::max(part_floats_, most_part_floats(attention->heads, kv));
    }
  }
  const std::uint64_t rows = std::max(parts_.options.max_rows, parts_.options.max_logit_rows);
  floats_ =
      Buffer(*parts_.context, rows * float_cols_ * sizeof(float), Place::device, "activations");
  if (parts_.context->features().int8_dot) {
    int8_ = Buffer(*parts_.context, int8_words(whole_cols_) * 4, Place::device, "activations");
  }
  if (parts_.context->features().cooperative) {
    halves_ = Buffer(*parts_.context, half_bytes(rows, whole_cols_), Place::device, "activations");
  }
  parts_of_attention_ =
      Buffer(*parts_.context, part_floats_ * sizeof(float), Place::device, "attention");
  upload_tables();
}

std::uint64_t WorkRunner::workspace_bytes() const {
  return value_memory_.size() + floats_.size() + int8_.size() + halves_.size() +
         parts_of_attention_.size() + tables_.size();
}

void WorkRunner::begin(Recording& recording, const Span& words, const StepShape& shape) {
  recording_ = &recording;
  words_ = words;
  shape_ = shape;
  waiting_gate_.reset();
  in_int8_.reset();
}

void WorkRunner::put(const Work& work) {
  const auto* products = std::get_if<Products>(&work);
  if (products == nullptr || products->in != in_int8_) in_int8_.reset();
  std::visit([this](const auto& w) { put_one(w); }, work);
  recording_->barrier();
}

// --- where values lie ---

Span WorkRunner::value(ValueId id) const { return rows_in(id, 0, rows_of(id)); }

Span WorkRunner::rows_in(ValueId id, std::uint32_t first, std::uint32_t n) const {
  const std::uint64_t each = std::uint64_t{width(id)} * sizeof(float);
  return {value_memory_.handle(), value_at_[id] + first * each, n * each};
}

// Rows of so many floats that one binding shows; another may begin after them.
std::uint32_t WorkRunner::rows_at_once(std::uint32_t floats) const {
  constexpr std::uint64_t kRowsAligned = kAlignment / sizeof(float);
  const std::uint64_t fit = parts_.context->limits().binding_bytes / (floats * sizeof(float));
  const std::uint64_t whole = fit / kRowsAligned * kRowsAligned;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(whole, 1, 1U << 20));
}

RowPlaces WorkRunner::places() const {
  const RowLayout& rows = parts_.rows;
  return {static_cast<std::uint32_t>(rows.position()), static_cast<std::uint32_t>(rows.table()),
          static_cast<std::uint32_t>(rows.pages()), rows.page_positions};
}

std::string WorkRunner::by_subgroups(std::string_view shader) const {
  return fmt::format("{}{}", shader, parts_.context->features().subgroups ? "_subgroups" : "");
}

// --- single operations ---

void WorkRunner::put_one(const Embed& o) {
  const Matrix& table = parts_.weights->matrix(o.table);
  for (const Piece& piece : table.pieces) {
    const EmbedParameters parameters{piece.skew, table.row_bytes, piece.first_row,
                                     piece.rows, table.cols,      o.scale};
    recording_->dispatch({fmt::format("embed_{}", name(table.type)), {}},
                         std::array{piece.span, words_, value(o.out)}, parameters,
                         {.x = rows_of(o.out)});
  }
}

void WorkRunner::put_one(const RmsNorm& o) {
  const Vector weight = parts_.weights->vector(o.weight);
  const std::uint32_t groups = rows_of(o.in) * (width(o.in) / o.group);
  recording_->dispatch({by_subgroups("norm"), {}},
                       std::array{value(o.in), weight.span, value(o.out)},
                       NormParameters{o.group, groups, weight.at, o.epsilon}, {.x = groups});
}

void WorkRunner::put_one(const GatedActivation& o) {
  const std::uint32_t count = rows_of(o.gate) * width(o.gate);
  recording_->dispatch({"gated", {static_cast<std::uint32_t>(o.activation)}},
                       std::array{value(o.gate), value(o.up), value(o.out)}, CountParameters{count},
                       {.x = groups_of(count, kElementwise)});
}

void WorkRunner::put_one(const Add& o) {
  const std::uint32_t count = rows_of(o.a) * width(o.a);
  recording_->dispatch({"add", {}}, std::array{value(o.a), value(o.b), value(o.out)},
                       CountParameters{count}, {.x = groups_of(count, kElementwise)});
}

void WorkRunner::put_one(const SelectRows& o) {
  const std::uint32_t count = shape_.rows.logit_rows * width(o.out);
  if (count == 0) return;
  recording_->dispatch(
      {"select", {}}, std::array{value(o.in), words_, value(o.out)},
      SelectParameters{width(o.out), count, static_cast<std::uint32_t>(parts_.rows.logit_row())},
      {.x = groups_of(count, kElementwise)});
}

void WorkRunner::put_one(const SoftCap& o) {
  const std::uint32_t n = rows_of(o.value);
  const std::uint32_t at_once = rows_at_once(width(o.value));
  for (std::uint32_t first = 0; first < n; first += at_once) {
    const std::uint32_t rows = std::min(at_once, n - first);
    const std::uint32_t count = rows * width(o.value);
    recording_->dispatch({"soft_cap", {}}, std::array{rows_in(o.value, first, rows)},
                         SoftCapParameters{count, o.cap}, {.x = groups_of(count, kElementwise)});
  }
}

}  // namespace ceiling::vulkan
