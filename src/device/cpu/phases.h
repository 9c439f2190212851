// A segment as the CPU runs it: a list of phases, a barrier after each. Within a phase every thread
// first does row work (norms and the like, up to the activations prepared for a product), then its
// share of something wide: matrix products, or attention.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "device/cpu/flow.h"
#include "device/cpu/matmul.h"
#include "model/program.h"

namespace ceiling::cpu {

// What a row operation does to one row; `width` and counts in elements.
struct EmbedRow {
  const std::byte* table;
  TensorType type;
  std::size_t row_bytes;
  float scale;
  std::uint32_t width;
  VarId out;
};
struct HeadNorm {  // of each head (or the whole row) by itself
  const float* weight;
  float epsilon;
};
struct NormRow {
  HeadNorm norm;
  std::uint32_t group, groups;
  VarId in, out;
};
struct HeadRope {
  std::uint32_t table;  // into Plan::rope_tables
  std::uint32_t rotated;
  RopeLayout layout;
};
struct RopeRow {
  HeadRope rope;
  std::uint32_t heads, head_width, width;
  VarId in, out;
};
struct AppendRow {
  KvId kv;
  std::size_t heads, key_width, value_width;
  VarId key, value;
};
struct GatedRow {
  Activation activation;
  std::uint32_t width;
  VarId gate, up, out;
};
struct AddRow {
  std::uint32_t width;
  VarId a, b, out;
};
struct SelectRow {
  std::uint32_t width;
  VarId in, out;
};
struct SoftCapRow {
  float cap;
  std::uint32_t width;
  VarId in, out;
};
struct RouteRow {
  std::uint32_t experts, used;
  VarId in, out;
};
// The parts that attention left, one for each split of the positions, become its output.
struct MergeRow {
  KvId kv;
  std::size_t heads, group, value_width;
  VarId out;
};
using RowOp = std::variant<EmbedRow, NormRow, RopeRow, AppendRow, GatedRow, AddRow, SelectRow,
                           SoftCapRow, RouteRow, MergeRow>;

using LineId = std::uint32_t;  // into Plan::lines

// Operations done row by row, all of them on one row before the next.
struct RowStage {
  RowSet rows = RowSet::batch;
  bool once = false;  // writes state: each row by one thread alone, whatever their number
  std::vector<RowOp> ops;
};

struct RowWork {
  std::vector<RowStage> stages;
  LineId line = 0;
};

struct Matrix {
  MatMulShape shape;
  const std::byte* weights = nullptr;  // row 0; null: absent
  const float* bias = nullptr;
};

// out = W x [+ bias], or activation(W x) * (U x); then [+ residual], [soft cap].
struct MatrixProduct {
  Matrix matrix;
  Matrix up;  // absent but for gated products
  Activation activation = Activation::silu;
  VarId out = kNoVar;
  VarId residual = kNoVar;
  float soft_cap = 0;  // 0: none
  LineId line = 0;
  std::size_t row_bytes() const;  // of weights, of one output
};

struct RowRange {
  std::size_t begin = 0, end = 0;
};

// Outputs [begin, end) of one of a phase's products.
struct Piece {
  std::uint32_t product = 0;
  std::size_t begin = 0, end = 0;
};

struct ProductPhase {
  RowWork before;
  VarId input = kNoVar;
  RowSet rows = RowSet::batch;
  std::vector<MatrixProduct> products;
  std::vector<std::vector<Piece>> shares;  // [thread], for few rows
};

// The chosen experts of each row (GroupedMatMul).
struct ExpertPhase {
  RowWork before;
  Matrix matrix;  // of expert 0
  std::size_t experts = 0, used = 0;
  std::size_t expert_bytes = 0;
  std::size_t prepared_bytes = 0;  // most, of one row
  VarId input = kNoVar, routing = kNoVar, out = kNoVar;
  RowSet rows = RowSet::batch;
  bool in_apart = false, combine = false;
  LineId line = 0;
};

struct AttentionPhase {
  RowWork before;
  KvId kv = 0;
  KvState shape;
  std::uint32_t heads = 0;
  float scale = 1;
  float soft_cap = 0;  // 0: none
  VarId query = kNoVar;
  VarId ready_query = kNoVar;  // after its norm and RoPE, where the rows' heads are turned apart
  std::optional<HeadNorm> query_norm;
  std::optional<HeadRope> query_rope;
  bool append = false;  // the rows' keys and values first
  VarId key = kNoVar, value = kNoVar;
  std::optional<HeadNorm> key_norm;
  std::optional<HeadRope> key_rope;
  LineId line = 0;
  std::uint32_t group() const { return heads / shape.kv_heads; }
};

struct RowPhase {
  RowWork work;
};

using Phase = std::variant<RowPhase, ProductPhase, ExpertPhase, AttentionPhase>;

// What the profile tells apart.
struct PlanLine {
  std::string label;
  std::vector<std::size_t> steps;
};

struct RopeTable {
  std::uint32_t rotated;
  float base, position_scale;
  const float* divisors;            // [rotated / 2] or null
  std::vector<double> frequencies;  // [rotated / 2]: radians a position
};

struct Plan {
  std::vector<Phase> phases;
  std::vector<PlanLine> lines;
  std::vector<RopeTable> rope_tables;
  std::vector<std::vector<float>> vectors;  // weights of norms and biases that are not F32
};

// Lines of the profile beside the plan's own.
inline std::size_t wait_line(const Plan& plan) { return plan.lines.size(); }
inline std::size_t set_up_line(const Plan& plan) { return plan.lines.size() + 1; }
inline std::size_t line_count(const Plan& plan) { return plan.lines.size() + 2; }

}  // namespace ceiling::cpu
