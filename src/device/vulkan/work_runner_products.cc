// The part of the runner that records matrix products, and what makes their inputs ready.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kTileRows = 64, kTileN = 32;  // as matmul.comp has them
constexpr std::uint32_t kTile = 128;                  // of both, as matmul_cooperative.comp has it
constexpr std::uint32_t kThreads = 64;                // of one that multiplies few rows
constexpr std::uint32_t kLongRow = 8192;              // columns that keep all of them busy
constexpr std::uint32_t kSlice = 512;                 // columns a workgroup of prepare.comp

bool is_quantised(TensorType type) { return info(type).block_elements > 1; }

// Of the matrix, by those who share a row. Many rows: several for one reading of the activations.
std::uint32_t rows_at_once_of(const Matrix& matrix, std::uint32_t n) {
  if (matrix.rows < 2048) return 1;
  return matrix.rows < 8192 || n > 2 ? 2 : 4;
}

}  // namespace

// Each row begins at 16 bytes, so that so many can be read at once.
bool WorkRunner::is_aligned(const Matrix& matrix, const Piece& piece) {
  return piece.skew % 16 == 0 && matrix.row_bytes % 16 == 0;
}

WorkRunner::Way WorkRunner::way(const MatMul& product, std::uint32_t n) const {
  const Features& features = parts_.context->features();
  const Matrix& matrix = parts_.weights->matrix(product.weight);
  const bool quantised = is_quantised(matrix.type);
  if (n <= kFewRows) return quantised && features.int8_dot ? Way::int8 : Way::floats;
  if (!features.cooperative || matrix.cols % 32 != 0) return Way::floats;
  const bool halves = matrix.type == TensorType::F16 || matrix.type == TensorType::BF16;
  const bool aligned = std::ranges::all_of(
      matrix.pieces, [&](const Piece& piece) { return is_aligned(matrix, piece); });
  return quantised || (halves && aligned) ? Way::halves : Way::floats;
}

void WorkRunner::put_one(const Products& work) {
  const std::uint32_t n = rows_of(work.in);
  if (n == 0 || put_gated(work, n)) return;
  const Inputs in = prepare(work, n);
  for (const MatMul& product : work.products) multiply(product, work.add, in, n);
  if (!work.gate) return;
  if (work.gate_is_next) {
    waiting_gate_ = work.gate;
    return;
  }
  recording_->barrier();
  put_one(*work.gate);
}

// Normalises, gates and rounds, where that is to be done; else products read the value itself.
WorkRunner::Inputs WorkRunner::prepare(const Products& work, std::uint32_t n) {
  Inputs in;
  in.cols = width(work.products.front().in);
  in.floats = value(work.in);
  bool needs_floats = false;
  for (const MatMul& product : work.products) {
    const Way read = way(product, n);
    (read == Way::int8 ? in.int8 : read == Way::halves ? in.halves : needs_floats) = true;
  }
  const std::optional<GatedActivation> gate = std::exchange(waiting_gate_, std::nullopt);
  const bool changes = work.norm || gate;
  if (!changes && !in.int8 && !in.halves) return in;
  if (!gate) in.norm = norm_on_the_way(work, n);
  if (in.norm) return in;
  if (!changes && in_int8_ == work.in) {
    in.lines_at = lines_at(in.cols);
    return in;
  }

  const bool stored = work.norm && work.norm->stored;
  const Span out = stored ? value(work.norm->operation.out)
                          : Span{floats_.handle(), 0, std::uint64_t{n} * in.cols * sizeof(float)};
  const bool floats = stored || (needs_floats && changes);
  const Span up = gate ? value(gate->up) : in.floats;
  const Span gated = gate ? value(gate->gate) : in.floats;
  Vector norm{.span = in.floats, .at = 0};
  if (work.norm) norm = parts_.weights->vector(work.norm->operation.weight);
  const float epsilon = work.norm ? work.norm->operation.epsilon : 0;
  const std::uint32_t has_norm = work.norm ? 1 : 0;
  const std::uint32_t activation = gate ? static_cast<std::uint32_t>(gate->activation) + 1 : 0;
  if (in.halves) {
    in.lines_at = n * in.cols / 2;
    const Span halves{halves_.handle(), 0, halves_.size()};
    recording_->dispatch({by_subgroups("halves"), {has_norm, activation, floats}},
                         std::array{up, gated, norm.span, out, halves},
                         HalvesParameters{in.cols, norm.at, epsilon, in.lines_at, n}, {.x = n});
  } else {
    in.lines_at = lines_at(in.cols);
    in_int8_.reset();
    const bool sliced = in.int8 || n <= kFewRows || !work.norm;
    const std::uint32_t slices = sliced ? groups_of(in.cols, kSlice) : 1;
    const Span words = in.int8 ? Span{int8_.handle(), 0, int8_.size()} : out;
    recording_->dispatch(
        {by_subgroups("prepare"), {has_norm, activation, floats, in.int8}},
        std::array{up, gated, norm.span, out, words},
        PrepareParameters{in.cols, norm.at, epsilon, in.lines_at, slices, slices * n},
        {.x = std::uint64_t{slices} * n});
  }
  recording_->barrier();
  if (changes) in.floats = out;
  return in;
}

// Results may be more than one binding shows.
void WorkRunner::multiply(const MatMul& product, const std::optional<Add>& add, const Inputs& in,
                          std::uint32_t n) {
  const Way read = way(product, n);
  const std::uint32_t at_once = rows_at_once(std::max(in.cols, width(product.out)));
  for (std::uint32_t first = 0; first < n; first += at_once) {
    multiply_rows(product, add, in, read, {first, std::min(at_once, n - first)});
  }
}

void WorkRunner::multiply_rows(const MatMul& product, const std::optional<Add>& add,
                               const Inputs& in, Way read, const Rows& rows) {
  const Matrix& matrix = parts_.weights->matrix(product.weight);
  const std::uint64_t row_bytes = std::uint64_t{in.cols} * sizeof(float);
  Span x{in.floats.buffer, in.floats.offset + rows.first * row_bytes, rows.count * row_bytes};
  if (read == Way::int8 && !in.norm) x = {int8_.handle(), 0, int8_.size()};
  if (read == Way::halves) x = {halves_.handle(), 0, halves_.size()};
  const Span out = rows_in(add ? add->out : product.out, rows.first, rows.count);
  const Span added = add ? rows_in(add->a, rows.first, rows.count) : out;
  const Vector bias =
      product.bias ? parts_.weights->vector(*product.bias) : Vector{.span = out, .at = 0};
  const Norm norm = in.norm.value_or(Norm{.weight = {.span = out, .at = 0}});
  for (const Piece& piece : matrix.pieces) {
    const ProductParameters parameters{
        piece.skew, matrix.row_bytes, piece.rows,  matrix.cols, piece.first_row, matrix.rows,
        rows.count, bias.at,          in.lines_at, rows.first,  norm.weight.at,  norm.epsilon};
    const Multiplier by = multiplier(
        matrix, piece,
        {read, rows.count, in.norm.has_value(), product.bias.has_value(), add.has_value()});
    recording_->dispatch(by.kernel,
                         std::array{piece.span, x, bias.span, added, out, norm.weight.span},
                         parameters, by.groups);
  }
}

// The shader for a piece of a matrix, its constants, and its workgroups.
WorkRunner::Multiplier WorkRunner::multiplier(const Matrix& matrix, const Piece& piece,
                                              const Multiplication& of) const {
  const Context& context = *parts_.context;
  const bool aligned = is_aligned(matrix, piece);
  const std::string_view type = name(matrix.type);
  if (of.read == Way::halves) {
    // Turning quantised weights wants registers, plain ones more subgroups a tile.
    const bool quantised = is_quantised(matrix.type);
    return {{fmt::format("matmul_cooperative_{}", type),
             {of.bias, of.add, quantised ? 4U : 2U, quantised ? 128U : 256U, 0, 0, 0, aligned}},
            {.x = std::uint64_t{groups_of(piece.rows, kTile)} * groups_of(of.n, kTile)}};
  }
  if (of.n > kFewRows) {
    return {{fmt::format("matmul_{}", type), {of.bias, of.add, 0, 0, 0, 0, 0, aligned}},
            {.x = groups_of(piece.rows, kTileRows), .y = groups_of(of.n, kTileN)}};
  }
  if (const auto own = own_row_multiplier(matrix, piece, of)) return *own;
  const std::uint32_t n = std::bit_ceil(of.n);
  const std::uint32_t rows = rows_at_once_of(matrix, of.n);
  const std::string shader =
      by_subgroups(fmt::format("matvec_{}_{}",
                               of.read == Way::int8                    ? "int8"
                               : aligned && !is_quantised(matrix.type) ? "plain"
                                                                       : "float",
                               type));
  if (of.read == Way::int8 && context.features().subgroups) {
    const std::uint32_t each = kThreads / context.limits().subgroup * rows;
    return {{shader, {kThreads, rows, n, of.bias, of.add, 0, 0, aligned}},
            {.x = groups_of(piece.rows, each)}};
  }
  const std::uint32_t threads = matrix.cols < kLongRow ? kThreads / 2 : kThreads;
  return {{shader, {threads, rows, n, of.bias, of.add, 0, 0, aligned}},
          {.x = groups_of(piece.rows, rows)}};
}

}  // namespace ceiling::vulkan
