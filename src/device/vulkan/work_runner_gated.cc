// The part of the runner that records a gated pair of products as one dispatch.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kThreads = 512;
constexpr std::uint32_t kRows = 16;       // of each matrix, a workgroup: they share a scale
constexpr std::uint32_t kAhead = 2;       // chunks of a row at once
constexpr std::uint32_t kMostUnits = 16;  // of so many rows, a workgroup ...
constexpr std::uint64_t kUnitBytes =
    4 * (3 * std::uint64_t{kRows} + 1);  // ... which keeps so much of each

// Two matrices in one binding, and where in it they begin.
struct Pair {
  Span span;
  std::uint32_t first_at = 0, second_at = 0;
};
std::optional<Pair> in_one_binding(const Piece& a, const Piece& b, std::uint64_t most) {
  if (a.span.buffer != b.span.buffer) return {};
  const std::uint64_t begin = std::min(a.span.offset, b.span.offset);
  const std::uint64_t end = std::max(a.span.offset + a.span.bytes, b.span.offset + b.span.bytes);
  if (end - begin > most) return {};
  return Pair{{a.span.buffer, begin, end - begin},
              static_cast<std::uint32_t>(a.span.offset - begin) + a.skew,
              static_cast<std::uint32_t>(b.span.offset - begin) + b.skew};
}

}  // namespace

// Gated values whose every reader is an int8 product.
void WorkRunner::find_gates(const std::vector<Planned>& plan) {
  std::set<ValueId> others;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const auto* gated = std::get_if<Products>(&plan[i].work);
    if (gated == nullptr || !gated->gate) continue;
    const auto* reader = i + 1 < plan.size() ? std::get_if<Products>(&plan[i + 1].work) : nullptr;
    const bool int8 = gated->gate_is_next && reader != nullptr &&
                      std::ranges::all_of(reader->products, [&](const MatMul& product) {
                        return way(product, 1) == Way::int8;
                      });
    (int8 ? gates_in_int8_ : others).insert(gated->gate->out);
  }
  for (const ValueId id : others) gates_in_int8_.erase(id);
}

// False: it has to be done in steps.
bool WorkRunner::put_gated(const Products& work, std::uint32_t n) {
  if (!work.gate || !gates_in_int8_.contains(work.gate->out) || waiting_gate_) return false;
  const std::optional<Norm> norm = norm_on_the_way(work, n);
  const Limits& limits = parts_.context->limits();
  const std::uint32_t threads = std::min({kThreads, limits.workgroup, kRows * limits.subgroup});
  const std::uint32_t subgroups = threads / limits.subgroup;
  const Matrix& gate = parts_.weights->matrix(work.products[0].weight);
  const Matrix& up = parts_.weights->matrix(work.products[1].weight);
  if (!norm || normalised_row_bytes(gate.cols) + kMostUnits * kUnitBytes > limits.shared_bytes)
    return false;
  if (subgroups > kRows || kRows % subgroups != 0 || gate.rows % kRows != 0) return false;
  if (gate.pieces.size() != 1 || up.pieces.size() != 1) return false;
  const std::optional<Pair> pair = in_one_binding(
      gate.pieces[0], up.pieces[0], std::min<std::uint64_t>(limits.binding_bytes, 1U << 31U));
  if (!pair) return false;
  const bool aligned =
      pair->first_at % 16 == 0 && pair->second_at % 16 == 0 && gate.row_bytes % 16 == 0;
  const std::uint32_t count = gate.rows / kRows;
  const std::uint32_t groups = std::max(in_turns(count, 1), groups_of(count, kMostUnits));
  recording_->dispatch(
      {fmt::format("matvec_gated_int8_{}_subgroups", name(gate.type)),
       {threads, kRows / subgroups, kAhead, static_cast<std::uint32_t>(work.gate->activation),
        groups_of(count, groups), 0, gate.cols, aligned}},
      std::array{pair->span, value(work.in), Span{int8_.handle(), 0, int8_.size()}, pair->span,
                 pair->span, norm->weight.span},
      GatedParameters{pair->first_at, pair->second_at, gate.row_bytes, gate.rows, norm->weight.at,
                      norm->epsilon, lines_at(gate.rows)},
      {.x = groups});
  in_int8_ = work.gate->out;
  return true;
}

}  // namespace ceiling::vulkan
