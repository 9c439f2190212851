#include "model/cost.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <variant>

namespace ceiling {
namespace {

constexpr std::uint64_t kFloatBytes = sizeof(float);

// The rows of one sequence in a batch.
struct SequenceRows {
  std::uint64_t first_position = 0;
  std::uint64_t last_position = 0;
};

std::uint64_t visible(std::uint64_t position, const KvState& kv) {
  const std::uint64_t all = position + 1;
  return kv.window ? std::min<std::uint64_t>(all, *kv.window) : all;
}

// Operations of a softmax attention over `pairs` pairs of a query row and a visible position: two
// products, and for each score its scale, exponential, sum and share.
double attention_operations(const Attention& attention, const KvState& kv, double pairs) {
  const double each =
      2.0 * (kv.key_width + kv.value_width) + 4.0 + (attention.soft_cap ? 3.0 : 0.0);
  return pairs * attention.heads * each;
}

std::uint64_t kv_position_bytes(const KvState& kv, KvType type) {
  return kv.kv_heads * (kv_row_bytes(type, kv.key_width) + kv_row_bytes(type, kv.value_width));
}

// Counts the steps of one Program for one batch, in order.
class StepCounter {
 public:
  StepCounter(const Program& program, const Batch& batch, KvType kv)
      : program_(program),
        batch_(batch),
        kv_type_(kv),
        batch_rows_(batch.rows.size()),
        logit_rows_(batch.logit_rows()),
        read_(program.weights.size(), false),
        head_tables_(program.weights.size(), false) {
    for (const BatchRow& row : batch.rows) {
      const auto [found, inserted] =
          sequences_.try_emplace(row.sequence, SequenceRows{row.position, row.position});
      if (inserted) continue;
      SequenceRows& range = found->second;
      range.first_position = std::min<std::uint64_t>(range.first_position, row.position);
      range.last_position = std::max<std::uint64_t>(range.last_position, row.position);
    }
    for (const Step& step : program.steps) {
      const auto* product = std::get_if<MatMul>(&step.operation);
      if (product != nullptr && rows(product->out) > 0) head_tables_[product->weight] = true;
    }
  }

  Cost count(const Step& step) {
    Cost out = std::visit([this](const auto& o) { return count(o); }, step.operation);
    const Access uses = access(step.operation);
    for (const ValueId value : uses.reads) out.activation_bytes += value_bytes(value);
    for (const ValueId value : uses.writes) out.activation_bytes += value_bytes(value);
    return out;
  }

 private:
  std::uint64_t rows(ValueId value) const {
    return program_.values[value].rows == RowSet::batch ? batch_rows_ : logit_rows_;
  }
  std::uint64_t value_bytes(ValueId value) const {
    return rows(value) * program_.values[value].width * kFloatBytes;
  }
  double elements(ValueId value) const {
    return static_cast<double>(rows(value)) * program_.values[value].width;
  }
  // The whole weight, if nothing in this step of the model has read it yet.
  std::uint64_t once(WeightId weight, std::uint64_t users) {
    if (users == 0 || read_[weight]) return 0;
    read_[weight] = true;
    return program_.weights[weight].bytes();
  }

  Cost count(const Embed& o) {
    Cost out;
    const Weight& table = program_.weights[o.table];
    if (!head_tables_[o.table]) {
      out.weight_bytes = batch_rows_ * row_bytes(table.type, table.cols);
    }
    if (o.scale != 1.0F) out.operations = elements(o.out);
    return out;
  }
  Cost count(const RmsNorm& o) {  // square, sum, times the norm, times the weight
    Cost out;
    out.weight_bytes = once(o.weight, rows(o.out));
    out.operations = 4.0 * elements(o.out);
    return out;
  }
  Cost count(const MatMul& o) {
    Cost out;
    const Weight& w = program_.weights[o.weight];
    out.weight_bytes = once(o.weight, rows(o.out));
    out.operations = 2.0 * static_cast<double>(w.cols) * elements(o.out);
    if (o.bias) {
      out.weight_bytes += once(*o.bias, rows(o.out));
      out.operations += elements(o.out);
    }
    return out;
  }
  Cost count(const Rope& o) {  // of each pair: four multiplications, two additions
    Cost out;
    if (o.frequency_divisors) out.weight_bytes = once(*o.frequency_divisors, batch_rows_);
    out.operations = 3.0 * static_cast<double>(batch_rows_) * o.heads * o.rotated;
    return out;
  }
  Cost count(const KvAppend& o) const {
    Cost out;
    out.kv_write_bytes = batch_rows_ * kv_position_bytes(program_.kv[o.kv], kv_type_);
    return out;
  }
  Cost count(const Attention& o) const {
    Cost out;
    const KvState& kv = program_.kv[o.kv];
    std::uint64_t positions = 0;
    for (const auto& [sequence, range] : sequences_) {
      positions += range.last_position - range.first_position + visible(range.first_position, kv);
    }
    double pairs = 0;
    for (const BatchRow& row : batch_.rows) pairs += static_cast<double>(visible(row.position, kv));
    out.kv_read_bytes = positions * kv_position_bytes(kv, kv_type_);
    out.operations = attention_operations(o, kv, pairs);
    return out;
  }
  // SiLU: exponential, addition, division; GELU by tanh: seven; then the product with `up`.
  Cost count(const GatedActivation& o) const {
    Cost out;
    out.operations = (o.activation == Activation::silu ? 4.0 : 8.0) * elements(o.out);
    return out;
  }
  Cost count(const Add& o) const {
    Cost out;
    out.operations = elements(o.out);
    return out;
  }
  Cost count(const SelectRows&) const { return {}; }
  Cost count(const SoftCap& o) const {
    Cost out;
    out.operations = 3.0 * elements(o.value);
    return out;
  }
  Cost count(const Route& o) const {  // softmax over those chosen
    Cost out;
    out.operations = 3.0 * static_cast<double>(rows(o.out)) * o.used;
    return out;
  }
  Cost count(const GroupedMatMul& o) const {
    Cost out;
    const Weight& w = program_.weights[o.weight];
    const auto n = static_cast<double>(rows(o.out));
    const double used = program_.values[o.routing].width / 2.0;
    const double unused_share = std::pow(1.0 - used / static_cast<double>(w.groups), n);
    out.weight_bytes = static_cast<std::uint64_t>(
        std::llround((1.0 - unused_share) * static_cast<double>(w.bytes())));
    out.operations = 2.0 * n * used * static_cast<double>(w.rows) * static_cast<double>(w.cols);
    if (o.combine) out.operations += 2.0 * n * used * static_cast<double>(w.rows);
    return out;
  }

  const Program& program_;
  const Batch& batch_;
  KvType kv_type_;
  std::uint64_t batch_rows_, logit_rows_;
  std::map<std::uint32_t, SequenceRows> sequences_;
  std::vector<bool> read_;
  std::vector<bool> head_tables_;  // read whole by a product in this step of the model
};

// Sum of visible(p) for p in [depth, depth + count).
double visible_sum(std::uint32_t depth, std::uint32_t count, const KvState& kv) {
  const double begin = depth;
  const double end = begin + count;
  const auto triangle = [](double n) { return n * (n + 1) / 2; };  // 1 + 2 + ... + n
  if (!kv.window) return triangle(end) - triangle(begin);
  const double limit = *kv.window;
  const double growing_begin = std::min(begin, limit);
  const double growing_end = std::min(end, limit);
  const double full = (end - growing_end) - (begin - growing_begin);
  return triangle(growing_end) - triangle(growing_begin) + full * limit;
}

}  // namespace

std::size_t kv_row_bytes(KvType type, std::uint32_t width) {
  const TypeInfo& stored = info(type == KvType::f16 ? TensorType::F16 : TensorType::Q8_0);
  const std::size_t blocks = (width + stored.block_elements - 1) / stored.block_elements;
  return blocks * stored.block_bytes;
}

Cost& Cost::operator+=(const Cost& other) {
  weight_bytes += other.weight_bytes;
  kv_read_bytes += other.kv_read_bytes;
  kv_write_bytes += other.kv_write_bytes;
  activation_bytes += other.activation_bytes;
  operations += other.operations;
  return *this;
}

std::vector<Cost> cost_by_step(const Program& program, const Batch& batch, KvType kv) {
  StepCounter counter(program, batch, kv);
  std::vector<Cost> out;
  out.reserve(program.steps.size());
  for (const Step& step : program.steps) out.push_back(counter.count(step));
  return out;
}

Cost cost(const Program& program, const Batch& batch, KvType kv) {
  Cost total;
  for (const Cost& step : cost_by_step(program, batch, kv)) total += step;
  return total;
}

Cost mean_decode_cost(const Program& program, std::uint32_t depth, std::uint32_t count, KvType kv) {
  Cost mean = cost(program, shape_batch(depth, 1), kv);
  if (count < 2) return mean;
  // Only attention depends on the position, in proportion to the positions it sees.
  double extra_bytes = 0;
  for (const Step& step : program.steps) {
    const auto* attention = std::get_if<Attention>(&step.operation);
    if (attention == nullptr) continue;
    const KvState& state = program.kv[attention->kv];
    const double mean_visible = visible_sum(depth, count, state) / count;
    const double extra = mean_visible - static_cast<double>(visible(depth, state));
    extra_bytes += extra * static_cast<double>(kv_position_bytes(state, kv));
    mean.operations += attention_operations(*attention, state, extra);
  }
  mean.kv_read_bytes += static_cast<std::uint64_t>(std::llround(extra_bytes));
  return mean;
}

std::uint64_t kv_bytes_per_position(const Program& program, KvType kv) {
  std::uint64_t total = 0;
  for (const KvState& state : program.kv) total += kv_position_bytes(state, kv);
  return total;
}

}  // namespace ceiling
