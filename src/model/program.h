// The Program: an architecture as a flat list of operations over named tensors, with nothing of any
// machine in it. Devices run it, model/cost counts it, fit predicts it, the lab sets measurements
// beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "quant/tensor_type.h"

namespace ceiling {

using WeightId = std::uint32_t;  // index into Program::weights
using ValueId = std::uint32_t;   // index into Program::values
using KvId = std::uint32_t;      // index into Program::kv

// A matrix [rows, cols] or vector [1, cols]; grouped (experts): `groups` matrices one after
// another.
struct Weight {
  std::string name;  // as in the file: "blk.0.attn_q.weight"
  TensorType type = TensorType::F32;
  std::uint64_t rows = 1, cols = 0, groups = 1;
  std::uint64_t bytes() const { return groups * rows * row_bytes(type, cols); }
};

// How many rows a value has in a step: all of the Batch, or those whose logits are wanted.
enum class RowSet : std::uint8_t { batch, logits };

// An activation [rows, width], float32. It may be written again: layers share their values.
struct Value {
  std::string name;
  std::uint32_t width = 0;
  RowSet rows = RowSet::batch;
};

// State kept between steps for one layer: keys [position, kv_heads, key_width], values alike.
struct KvState {
  std::uint32_t layer = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t key_width = 0;          // of one head
  std::uint32_t value_width = 0;        // of one head
  std::optional<std::uint32_t> window;  // position q sees key k only where q - k < window
};

enum class RopeLayout : std::uint8_t { adjacent, halves };  // which elements pair up in a head
enum class Activation : std::uint8_t { silu, gelu_tanh };

// out = table[token] * scale
struct Embed {
  WeightId table;
  ValueId out;
  float scale;
};
// Each run of `group` elements is normalised by itself (a head, or the whole row).
struct RmsNorm {
  ValueId in;
  WeightId weight;
  ValueId out;
  float epsilon;
  std::uint32_t group;
};
struct MatMul {
  ValueId in;
  WeightId weight;
  std::optional<WeightId> bias;
  ValueId out;
};
// In place; Su et al. 2021. Element pair i of a head turns by
// position * position_scale * base^(-2i / rotated) / divisor[i].
struct Rope {
  ValueId value;
  std::uint32_t heads;
  std::uint32_t head_width;
  std::uint32_t rotated;  // elements of a head
  float base;
  float position_scale;
  std::optional<WeightId> frequency_divisors;
  RopeLayout layout;
};
// Rows go to their sequence and position.
struct KvAppend {
  ValueId key;
  ValueId value;
  KvId kv;
};
// softmax(scale q k^T, causal, windowed as the KvState says) v
struct Attention {
  ValueId query;
  ValueId out;
  KvId kv;
  std::uint32_t heads;
  float scale;
  std::optional<float> soft_cap;  // cap * tanh(score / cap)
};
// out = f(gate) * up
struct GatedActivation {
  ValueId gate;
  ValueId up;
  ValueId out;
  Activation activation;
};
struct Add {
  ValueId a;
  ValueId b;
  ValueId out;
};
// Batch rows -> the rows whose logits are wanted.
struct SelectRows {
  ValueId in;
  ValueId out;
};
// In place: cap * tanh(value / cap).
struct SoftCap {
  ValueId value;
  float cap;
};
// Experts (Shazeer et al. 2017): the top `used` of `experts`, softmax over those chosen; out holds
// [used] expert numbers, then [used] shares.
struct Route {
  ValueId logits;
  ValueId out;
  std::uint32_t experts;
  std::uint32_t used;
};
// For each chosen expert e of a row: W_e times the row. `combine`: out [rows of W] is their sum by
// share; else out [used, rows of W] keeps them apart. in_apart: the input is such a kept-apart
// value.
struct GroupedMatMul {
  ValueId in;
  ValueId routing;
  WeightId weight;
  ValueId out;
  bool in_apart;
  bool combine;
};

// RmsNorm, GatedActivation and Add work element by element or row by row: `out` may be an input.
using Operation = std::variant<Embed, RmsNorm, MatMul, Rope, KvAppend, Attention, GatedActivation,
                               Add, SelectRows, SoftCap, Route, GroupedMatMul>;
std::string_view kind_name(const Operation& operation);  // "matmul", "attention", ...

// What an operation touches. In place (Rope, SoftCap): the value is both read and written.
struct Access {
  std::vector<ValueId> reads;
  std::vector<ValueId> writes;
  std::vector<WeightId> weights;
};
Access access(const Operation& operation);

// One entry of the flat list.
struct Step {
  Operation operation;
  std::int32_t layer = -1;  // -1: before the first or after the last layer
};

struct Program {
  std::string architecture;  // "llama"
  std::uint32_t layers = 0;
  std::uint32_t width = 0;  // of the residual stream
  std::uint32_t vocabulary = 0;
  std::uint32_t context_limit = 0;  // positions the model was trained for
  std::vector<Weight> weights;
  std::vector<Value> values;
  std::vector<KvState> kv;
  std::vector<Step> steps;
  ValueId logits = 0;                  // [logit rows, vocabulary]
  std::uint64_t weight_bytes() const;  // of all weights, each once
};

// Values that cross the boundary before step `cut`, in ascending order: written before it, and read
// at or after it before they are written again. A device that compiles [begin, end) receives those
// of `begin` and hands on those of `end`.
std::vector<ValueId> values_across(const Program& program, std::size_t cut);

// Throws Error(integrity) unless each value is written before it is read, shapes agree and each
// index is in range.
void validate(const Program& program);

}  // namespace ceiling
