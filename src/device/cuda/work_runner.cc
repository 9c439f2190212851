#include "device/cuda/work_runner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "device/cuda/check.h"

namespace ceiling::cuda {
namespace {

constexpr std::uint64_t kAlignment = 256;
constexpr std::uint64_t kPanelBytes = std::uint64_t{128} << 20;  // of float16 weights
constexpr std::uint64_t kPanelRows = 128;                        // panels are multiples of
constexpr std::uint64_t kPanelColumns = 1024;                    // likewise
constexpr std::uint64_t kFillingRows = 8192;  // a product of fewer leaves multiprocessors idle

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Long rows are cut, so that enough of them fit to fill the device.
struct Panel {
  std::uint32_t rows, cols;
  std::uint64_t bytes() const { return std::uint64_t{rows} * cols * 2; }
};

Panel panel_of(std::uint64_t rows, std::uint64_t cols, bool may_cut) {
  const std::uint64_t whole = kPanelBytes / (cols * 2) / kPanelRows * kPanelRows;
  const std::uint64_t filling = std::min(rows, kFillingRows);
  if (whole < filling && may_cut) {
    rows = filling;
    cols = std::min(cols, kPanelBytes / (rows * 2) / kPanelColumns * kPanelColumns);
  } else {
    rows = std::min(rows, std::max(whole, kPanelRows));
  }
  return {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
}

// With cuBLAS or without.
std::uint64_t panel_bytes(const Weight& weight) {
  return std::max(panel_of(weight.rows, weight.cols, true).bytes(),
                  panel_of(weight.rows, weight.cols, false).bytes());
}

}  // namespace

std::uint64_t most_workspace(const Program& program, const CompileOptions& options) {
  constexpr std::uint64_t kFixed = std::uint64_t{320} << 20;  // modules, graphs, cuBLAS, a copy
  const std::uint64_t rows = std::max(options.max_rows, options.max_logit_rows);
  std::uint64_t total = kFixed;
  std::uint64_t widest = 0;
  for (const Value& value : program.values) {
    const std::uint64_t of_value =
        value.rows == RowSet::batch ? options.max_rows : options.max_logit_rows;
    total += aligned(of_value * value.width * sizeof(float));
    widest = std::max<std::uint64_t>(widest, value.width);
  }
  std::uint64_t panel = 0;
  for (const Weight& weight : program.weights) {
    if (weight.type == TensorType::F16) continue;
    panel = std::max(panel, panel_bytes(weight));
  }
  return total + panel + rows * widest * 2;
}

WorkRunner::WorkRunner(std::shared_ptr<Context> context, const Program& program,
                       std::shared_ptr<const DeviceWeights> weights,
                       std::vector<const CudaKvStore*> kv, const std::vector<Planned>& plan,
                       const CompileOptions& options)
    : context_(std::move(context)),
      program_(program),
      weights_(std::move(weights)),
      kv_(std::move(kv)),
      stage_(context_->stage()) {
  allocate_values(options);
  allocate_workspaces(plan, options);
}

const KvLayer& WorkRunner::layer(KvId kv) const {
  const auto holder =
      std::ranges::find_if(kv_, [&](const CudaKvStore* store) { return store->holds(kv); });
  return (holder == kv_.end() ? kv_.front() : *holder)->layer(kv);
}

void WorkRunner::allocate_values(const CompileOptions& options) {
  std::uint64_t total = 0;
  std::vector<std::uint64_t> offsets;
  for (const Value& value : program_.values) {
    const std::uint64_t rows =
        value.rows == RowSet::batch ? options.max_rows : options.max_logit_rows;
    offsets.push_back(total);
    total += aligned(rows * value.width * sizeof(float));
  }
  value_memory_ = context_->scratch().device("activations", total);
  for (const std::uint64_t offset : offsets) {
    values_.push_back(reinterpret_cast<float*>(value_memory_.data() + offset));
  }
}

void WorkRunner::allocate_workspaces(const std::vector<Planned>& plan,
                                     const CompileOptions& options) {
  const std::uint32_t rows = std::max(options.max_rows, options.max_logit_rows);
  std::uint64_t partials = 0;
  std::uint64_t finished = 0;
  const auto add_attention = [&](const Attention& attention) {
    const KvLayer& kv = layer(attention.kv);
    const std::uint32_t widest = std::max(kv.key.padded, kv.value.padded);
    for (std::uint32_t n = 1; n <= options.max_rows; ++n) {
      const std::uint32_t splits = attend_splits(stage_, n, kv.kv_heads);
      if (splits == 1) break;
      partials = std::max(partials, attend_partial_floats(n, attention.heads, splits, widest));
    }
    finished = std::max<std::uint64_t>(finished, std::uint64_t{rows} * attention.heads);
  };
  for (const Planned& planned : plan) {
    if (const auto* products = std::get_if<Products>(&planned.work)) {
      grow_for(*products, rows);
      if (products->norm) find_bound(products->norm->operation);
    } else if (const auto* turns = std::get_if<Turns>(&planned.work)) {
      add_frequencies(turns->query);
      add_frequencies(turns->key);
      if (turns->attention) add_attention(*turns->attention);
    } else if (const auto* attention = std::get_if<Attention>(&planned.work)) {
      add_attention(*attention);
    }
  }
  Scratch& scratch = context_->scratch();
  halves_ = scratch.device("rows in float16", half_bytes_);
  row_scales_ = scratch.device("scales of rows", rows * sizeof(float));
  panel_ = scratch.device("panels of weights", panel_bytes_);
  partials_ = scratch.device("parts of attention", partials * sizeof(float));
  finished_ = scratch.device("counters of attention", finished * sizeof(std::uint32_t));
}

void WorkRunner::grow_for(const Products& work, std::uint32_t rows) {
  for (const MatMul& product : work.products) {
    const Weight& weight = program_.weights[product.weight];
    half_bytes_ = std::max(half_bytes_, std::uint64_t{rows} * weight.cols * 2);
    if (weight.type == TensorType::F16) continue;
    panel_bytes_ = std::max(panel_bytes_, panel_bytes(weight));
  }
}

// A normalised element is at most sqrt(width) times its weight: where that fits float16, no row is
// ever scaled.
void WorkRunner::find_bound(const RmsNorm& norm) {
  if (bounded_.contains(norm.weight)) return;
  std::vector<float> weight(norm.group);
  check(cudaMemcpy(weight.data(), weights_->vector(norm.weight), weight.size() * sizeof(float),
                   cudaMemcpyDeviceToHost),
        "reading a norm");
  float largest = 0;
  for (const float w : weight) largest = std::max(largest, std::abs(w));
  bounded_[norm.weight] = largest * std::sqrt(static_cast<float>(norm.group)) < kHalfRowsRoom;
}

std::uint64_t WorkRunner::workspace_bytes() const {
  return value_memory_.size() + halves_.size() + row_scales_.size() + panel_.size() +
         partials_.size() + finished_.size();
}

std::uint32_t WorkRunner::rows_of(ValueId id) const {
  return program_.values[id].rows == RowSet::batch ? count_ : logit_rows_;
}

void WorkRunner::begin(const Rows& rows, const StepShape& shape) {
  rows_ = rows;
  count_ = shape.rows;
  logit_rows_ = shape.logit_rows;
  prompt_ = shape.prompt;
  distinct_ = shape.distinct;
  deep_ = shape.deep;
  stage_.overlap = shape.overlap && context_->stage().overlap;
}

void WorkRunner::put(const Work& work) {
  std::visit([this](const auto& w) { put_one(w); }, work);
}

// --- products ---

Matvec WorkRunner::matvec(const Products& work, std::uint32_t n) const {
  Matvec job;
  job.x = value(work.in);
  job.n = n;
  if (work.norm) {
    job.norm = weights_->vector(work.norm->operation.weight);
    job.epsilon = work.norm->operation.epsilon;
    if (work.norm->stored) job.normed = value(work.norm->operation.out);
  }
  job.count = static_cast<std::uint32_t>(work.products.size());
  for (std::uint32_t i = 0; i < job.count; ++i) {
    const MatMul& product = work.products[i];
    job.matrix[i] = weights_->matrix(product.weight);
    job.output[i] = {product.bias ? weights_->vector(*product.bias) : nullptr, value(product.out)};
  }
  job.first_other = job.count;
  if (work.gate) {
    job.gated = true;
    job.activation = work.gate->activation;
    job.output[0].out = value(work.gate->out);
  }
  if (work.add) {
    job.add = value(work.add->a);
    job.output[0].out = value(work.add->out);
  }
  return job;
}

void WorkRunner::put_one(const Products& work) {
  const std::uint32_t n = rows_of(work.in);
  if (n == 0) return;
  const Matvec job = matvec(work, n);
  if (!matvec_fits(stage_, job)) return many(work, n);
  if (waiting_gate_) put_one(*std::exchange(waiting_gate_, std::nullopt));
  few(job);
}

// One launch for all products, or for as many as one kernel has.
void WorkRunner::few(const Matvec& whole) {
  std::uint32_t begin = 0;
  while (begin < whole.count) {
    Matvec part = whole;
    part.count = 0;
    part.first_other = 0;
    const TensorType first = whole.matrix[begin].type;
    for (std::uint32_t i = begin; i < whole.count; ++i) {
      const TensorType type = whole.matrix[i].type;
      if (!matvec_pairs(first, type)) break;
      if (part.first_other < part.count && type == first) break;
      part.matrix[part.count] = whole.matrix[i];
      part.output[part.count] = whole.output[i];
      ++part.count;
      if (type == first) part.first_other = part.count;
    }
    if (begin > 0) part.normed = nullptr;
    launch_matvec(stage_, part);
    begin += part.count;
  }
}

void WorkRunner::many(const Products& work, std::uint32_t n) {
  HalfRows half;
  half.x = value(work.in);
  half.n = n;
  half.cols = program_.values[work.in].width;
  half.out = halves_.data();
  half.scale = row_scales_.as<float>();
  if (work.norm) {
    half.norm = weights_->vector(work.norm->operation.weight);
    half.epsilon = work.norm->operation.epsilon;
    if (work.norm->stored) half.normed = value(work.norm->operation.out);
  }
  if (waiting_gate_) {  // what it gives is made on the way
    half.x = value(waiting_gate_->up);
    half.gate = value(waiting_gate_->gate);
    half.activation = waiting_gate_->activation;
    waiting_gate_.reset();
  }
  launch_half_rows(stage_, half);
  for (const MatMul& product : work.products) {
    const Matrix& matrix = weights_->matrix(product.weight);
    Gemm job;
    job.x = halves_.data();
    job.n = n;
    job.cols = matrix.cols;
    job.x_pitch = matrix.cols;
    job.bias = product.bias ? weights_->vector(*product.bias) : nullptr;
    job.out = value(product.out);
    if (work.add) {
      job.add = value(work.add->a);
      job.out = value(work.add->out);
    }
    job.pitch = matrix.rows;
    multiply(job, matrix, value(product.out),
             !work.norm || !bounded_.at(work.norm->operation.weight));
  }
  if (!work.gate) return;
  waiting_gate_ = work.gate;
  if (!work.gate_is_next) put_one(*std::exchange(waiting_gate_, std::nullopt));
}

// `product`: where the plain product may stand; `scaled`: rows may have been scaled on their way to
// float16. cuBLAS adds to what is there, so a product may be the sum of those of cut rows; scales
// and biases it does not know.
void WorkRunner::multiply(const Gemm& whole, const Matrix& matrix, float* product, bool scaled) {
  const bool by_cublas = context_->cublas() != nullptr;
  const Panel panel = matrix.type == TensorType::F16
                          ? Panel{matrix.rows, matrix.cols}
                          : panel_of(matrix.rows, matrix.cols, by_cublas);
  const bool in_place = whole.add == nullptr || whole.add == whole.out;
  const bool end = scaled || whole.bias != nullptr || !in_place;
  for (std::uint32_t row = 0; row < matrix.rows; row += panel.rows) {
    Gemm job = whole;
    job.rows = std::min(panel.rows, matrix.rows - row);
    job.out = whole.out + row;
    job.scale = row_scales_.as<float>();
    job.bias = whole.bias != nullptr ? whole.bias + row : nullptr;
    job.add = whole.add != nullptr ? whole.add + row : nullptr;
    for (std::uint32_t column = 0; column < matrix.cols; column += panel.cols) {
      Gemm part = job;
      part.cols = std::min(panel.cols, matrix.cols - column);
      part.x = static_cast<const std::uint16_t*>(whole.x) + column;
      part.w = matrix.data;
      if (matrix.type != TensorType::F16) {
        launch_half_matrix(stage_, matrix, {row, job.rows}, {column, part.cols}, panel_.data());
        part.w = panel_.data();
      }
      if (!by_cublas) {
        launch_gemm(stage_, part);
        continue;
      }
      if (end) part.out = product + row;
      context_->cublas()->multiply(part, column > 0 || (!end && job.add != nullptr));
    }
    if (by_cublas && end) launch_gemm_end(stage_, job, product + row);
  }
}

// --- single operations ---

void WorkRunner::put_one(const Embed& o) {
  launch_embed(stage_, weights_->matrix(o.table), rows_, count_, o.scale, value(o.out));
}
void WorkRunner::put_one(const RmsNorm& o) {
  const std::uint64_t groups =
      std::uint64_t{rows_of(o.in)} * (program_.values[o.in].width / o.group);
  launch_norm(stage_, value(o.in), weights_->vector(o.weight), o.epsilon, o.group, groups,
              value(o.out));
}
void WorkRunner::put_one(const GatedActivation& o) {
  launch_gated(stage_, value(o.gate), value(o.up), o.activation,
               std::uint64_t{rows_of(o.gate)} * program_.values[o.gate].width, value(o.out));
}
void WorkRunner::put_one(const Add& o) {
  launch_add(stage_, value(o.a), value(o.b),
             std::uint64_t{rows_of(o.a)} * program_.values[o.a].width, value(o.out));
}
void WorkRunner::put_one(const SelectRows& o) {
  launch_select(stage_, value(o.in), program_.values[o.in].width, rows_, logit_rows_, value(o.out));
}
void WorkRunner::put_one(const SoftCap& o) {
  launch_soft_cap(stage_, value(o.value), o.cap,
                  std::uint64_t{rows_of(o.value)} * program_.values[o.value].width);
}
void WorkRunner::put_one(const Route& o) {
  launch_route(stage_, value(o.logits), rows_of(o.logits), o.experts, o.used, value(o.out));
}
void WorkRunner::put_one(const GroupedMatMul& o) {
  Grouped job;
  job.x = value(o.in);
  job.routing = value(o.routing);
  job.matrix = weights_->matrix(o.weight);
  job.n = rows_of(o.in);
  job.used = program_.values[o.routing].width / 2;
  job.in_apart = o.in_apart;
  job.combine = o.combine;
  job.out = value(o.out);
  launch_grouped(stage_, job);
}

}  // namespace ceiling::cuda
