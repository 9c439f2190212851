#include "device/reference/interpreter.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <variant>

#include "base/error.h"
#include "device/reference/arithmetic.h"
#include "quant/dequantise.h"

namespace ceiling::reference {
namespace {

// Turns scores into shares that add up to one.
void softmax(std::span<float> scores) {
  const float highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float& score : scores) {
    score = std::exp(score - highest);
    sum += score;
  }
  for (float& score : scores) score = static_cast<float>(score / sum);
}

double activate(Activation activation, double x) {
  if (activation == Activation::silu) return x / (1.0 + std::exp(-x));
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + std::tanh(inner));
}

float soft_cap(float value, float cap) { return cap * std::tanh(value / cap); }

}  // namespace

void Interpreter::begin(const Batch& batch, const PageTables& tables) {
  batch_ = &batch;
  tables_ = &tables;
  logit_rows_ = batch.logit_rows();
}

void Interpreter::run(const Operation& operation) {
  std::visit([this](const auto& o) { apply(o); }, operation);
}

std::size_t Interpreter::rows(ValueId id) const {
  return program_.values[id].rows == RowSet::batch ? batch_->rows.size() : logit_rows_;
}

std::span<float> Interpreter::value(ValueId id) {
  values_[id].resize(rows(id) * width(id));
  return values_[id];
}

void Interpreter::dequantise(WeightId id, std::uint64_t group, std::uint64_t row,
                             float* out) const {
  const Weight& weight = program_.weights[id];
  const std::byte* blocks =
      weights_->data(id) + (group * weight.rows + row) * row_bytes(weight.type, weight.cols);
  dequantise_row(weight.type, blocks, out, weight.cols);
}

std::vector<float> Interpreter::vector(WeightId id) const {
  std::vector<float> out(program_.weights[id].cols);
  dequantise(id, 0, 0, out.data());
  return out;
}

void Interpreter::apply(const Embed& o) {
  for (std::size_t i = 0; i < batch_->rows.size(); ++i) {
    const std::int32_t token = batch_->rows[i].token;
    if (token < 0 || static_cast<std::uint32_t>(token) >= program_.vocabulary) {
      fail(ExitCode::usage, "token {} is outside the vocabulary of {}", token, program_.vocabulary);
    }
    const std::span<float> out = row(o.out, i);
    dequantise(o.table, 0, static_cast<std::uint64_t>(token), out.data());
    for (float& element : out) element *= o.scale;
  }
}

void Interpreter::apply(const RmsNorm& o) {
  const std::vector<float> weight = vector(o.weight);
  const std::span<const float> in = value(o.in);
  const std::span<float> out = value(o.out);
  for (std::size_t begin = 0; begin < in.size(); begin += o.group) {
    double squares = 0;
    for (std::size_t i = 0; i < o.group; ++i) {
      squares += static_cast<double>(in[begin + i]) * in[begin + i];
    }
    const double scale = 1.0 / std::sqrt(squares / o.group + o.epsilon);
    for (std::size_t i = 0; i < o.group; ++i) {
      out[begin + i] = static_cast<float>(in[begin + i] * scale * weight[i]);
    }
  }
}

void Interpreter::apply(const MatMul& o) {
  constexpr std::size_t kPanelRows = 64;  // dequantised together, once a step
  const Weight& weight = program_.weights[o.weight];
  const std::size_t n = rows(o.in);
  const std::span<const float> in = value(o.in);
  const std::span<float> out = value(o.out);
  if (n == 0) return;
  std::vector<float> panel(kPanelRows * weight.cols);
  for (std::size_t begin = 0; begin < weight.rows; begin += kPanelRows) {
    const std::size_t count = std::min<std::size_t>(kPanelRows, weight.rows - begin);
    for (std::size_t r = 0; r < count; ++r) {
      dequantise(o.weight, 0, begin + r, panel.data() + r * weight.cols);
    }
    multiply(panel.data(), count, in.data(), n, weight.cols, out.data() + begin, weight.rows);
  }
  if (!o.bias) return;
  const std::vector<float> bias = vector(*o.bias);
  for (std::size_t i = 0; i < n; ++i) add_scaled(row(o.out, i).data(), bias.data(), 1, bias.size());
}

void Interpreter::apply(const Rope& o) {
  const std::size_t pairs = o.rotated / 2;
  std::vector<double> frequency(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    frequency[i] = o.position_scale *
                   std::pow(static_cast<double>(o.base), -2.0 * static_cast<double>(i) / o.rotated);
  }
  if (o.frequency_divisors) {
    const std::vector<float> divisor = vector(*o.frequency_divisors);
    for (std::size_t i = 0; i < pairs; ++i) frequency[i] /= divisor[i];
  }
  const bool adjacent = o.layout == RopeLayout::adjacent;
  for (std::size_t i = 0; i < batch_->rows.size(); ++i) {
    for (std::size_t head = 0; head < o.heads; ++head) {
      float* elements = row(o.value, i).data() + head * o.head_width;
      for (std::size_t p = 0; p < pairs; ++p) {
        float& a = elements[adjacent ? 2 * p : p];
        float& b = elements[adjacent ? 2 * p + 1 : p + pairs];
        const double angle = batch_->rows[i].position * frequency[p];
        const double turned_a = a * std::cos(angle) - b * std::sin(angle);
        const double turned_b = a * std::sin(angle) + b * std::cos(angle);
        a = static_cast<float>(turned_a);
        b = static_cast<float>(turned_b);
      }
    }
  }
}

std::uint32_t Interpreter::page_of(const BatchRow& row, std::uint32_t position) const {
  return tables_->at(row.sequence).at(position / kv_.page_positions());
}

void Interpreter::apply(const KvAppend& o) {
  for (std::size_t i = 0; i < batch_->rows.size(); ++i) {
    const BatchRow& target = batch_->rows[i];
    const std::uint32_t page = page_of(target, target.position);
    const std::uint32_t slot = target.position % kv_.page_positions();
    std::ranges::copy(row(o.key, i), kv_.key(o.kv, page, slot));
    std::ranges::copy(row(o.value, i), kv_.value(o.kv, page, slot));
  }
}

void Interpreter::apply(const Attention& o) {
  for (std::size_t i = 0; i < batch_->rows.size(); ++i) {
    attend(o, batch_->rows[i], row(o.query, i).data(), row(o.out, i).data());
  }
}

void Interpreter::attend(const Attention& o, const BatchRow& target, const float* query,
                         float* out) {
  const KvState& state = program_.kv[o.kv];
  const std::uint32_t end = target.position + 1;
  const std::uint32_t begin = state.window && end > *state.window ? end - *state.window : 0;
  const std::uint32_t sharers = o.heads / state.kv_heads;
  std::vector<float> scores(end - begin);
  std::fill_n(out, std::size_t{o.heads} * state.value_width, 0.0F);
  for (std::uint32_t head = 0; head < o.heads; ++head) {
    const std::size_t kv_head = head / sharers;
    for (std::uint32_t p = begin; p < end; ++p) {
      const float* key = kv_.key(o.kv, page_of(target, p), p % kv_.page_positions());
      float& score = scores[p - begin];
      score = o.scale * dot(query + std::size_t{head} * state.key_width,
                            key + kv_head * state.key_width, state.key_width);
      if (o.soft_cap) score = soft_cap(score, *o.soft_cap);
    }
    softmax(scores);
    for (std::uint32_t p = begin; p < end; ++p) {
      const float* values = kv_.value(o.kv, page_of(target, p), p % kv_.page_positions());
      add_scaled(out + std::size_t{head} * state.value_width, values + kv_head * state.value_width,
                 scores[p - begin], state.value_width);
    }
  }
}

void Interpreter::apply(const GatedActivation& o) {
  const std::span<const float> gate = value(o.gate);
  const std::span<const float> up = value(o.up);
  const std::span<float> out = value(o.out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(activate(o.activation, gate[i]) * up[i]);
  }
}

void Interpreter::apply(const Add& o) {
  const std::span<const float> a = value(o.a);
  const std::span<const float> b = value(o.b);
  const std::span<float> out = value(o.out);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a[i] + b[i];
}

void Interpreter::apply(const SelectRows& o) {
  std::size_t next = 0;
  value(o.out);
  for (std::size_t i = 0; i < batch_->rows.size(); ++i) {
    if (batch_->rows[i].logits) std::ranges::copy(row(o.in, i), row(o.out, next++).data());
  }
}

void Interpreter::apply(const SoftCap& o) {
  for (float& element : value(o.value)) element = soft_cap(element, o.cap);
}

void Interpreter::apply(const Route& o) {
  for (std::size_t i = 0; i < rows(o.logits); ++i) {
    const std::span<const float> scores = row(o.logits, i);
    const std::span<float> out = row(o.out, i);
    std::vector<std::uint32_t> order(o.experts);
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::partial_sort(order, order.begin() + o.used, [&](std::uint32_t a, std::uint32_t b) {
      return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
    });
    const std::span<float> shares = out.subspan(o.used);
    for (std::size_t k = 0; k < o.used; ++k) {
      out[k] = static_cast<float>(order[k]);
      shares[k] = scores[order[k]];
    }
    softmax(shares);
  }
}

void Interpreter::apply(const GroupedMatMul& o) {
  const Weight& weight = program_.weights[o.weight];
  const std::size_t used = width(o.routing) / 2;
  std::ranges::fill(value(o.out), 0.0F);
  std::vector<float> weights(weight.cols);
  for (std::uint64_t group = 0; group < weight.groups; ++group) {
    for (std::uint64_t r = 0; r < weight.rows; ++r) {
      dequantise(o.weight, group, r, weights.data());
      for (std::size_t i = 0; i < rows(o.in); ++i) {
        const std::span<const float> routing = row(o.routing, i);
        const auto chosen =
            std::find(routing.begin(), routing.begin() + static_cast<std::ptrdiff_t>(used),
                      static_cast<float>(group));
        const auto k = static_cast<std::size_t>(chosen - routing.begin());
        if (k == used) continue;
        const float* in = row(o.in, i).data() + (o.in_apart ? k * weight.cols : 0);
        const float product = dot(weights.data(), in, weight.cols);
        const std::span<float> out = row(o.out, i);
        if (o.combine) {
          out[r] += routing[used + k] * product;
        } else {
          out[k * weight.rows + r] = product;
        }
      }
    }
  }
}

}  // namespace ceiling::reference
