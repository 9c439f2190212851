// The part of the runner that records products of one row which each workgroup has for itself
// (own_row.glsl).
#include <fmt/format.h>

#include <algorithm>

#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kNormalised = 1, kCopied = 2;        // as own_row.glsl has them
constexpr std::uint32_t kFewThreads = 256, kThreads = 512;   // of a workgroup
constexpr std::uint32_t kLongRow = 8192, kManyRows = 16384;  // of a matrix: columns, rows

}  // namespace

// One row for nothing but int8 products of subgroups: each workgroup normalises it for itself.
std::optional<WorkRunner::Norm> WorkRunner::norm_on_the_way(const Products& work,
                                                            std::uint32_t n) const {
  const Context& context = *parts_.context;
  if (n != 1 || !work.norm || work.norm->stored || !context.features().subgroups) return {};
  const bool all = std::ranges::all_of(
      work.products, [&](const MatMul& product) { return way(product, n) == Way::int8; });
  const std::uint32_t cols = width(work.in);
  const Vector weight = parts_.weights->vector(work.norm->operation.weight);
  const bool fits = context.limits().workgroup >= kFewThreads && cols >= kFewThreads &&
                    normalised_row_bytes(cols) <= context.limits().shared_bytes &&
                    context.limits().subgroup % 4 == 0;
  if (!all || !fits || weight.at % 4 != 0) return {};
  return Norm{weight, work.norm->operation.epsilon};
}

// Empty: there is more than one row, or no room for it. A subgroup has one row of the matrix, and
// only where there are very many the next ones too: workgroups that begin as others end even out
// what multiprocessors take.
std::optional<WorkRunner::Multiplier> WorkRunner::own_row_multiplier(
    const Matrix& matrix, const Piece& piece, const Multiplication& of) const {
  const Context& context = *parts_.context;
  const Limits& limits = context.limits();
  if (of.n != 1 || of.read != Way::int8 || !context.features().subgroups) return {};
  const bool copied =
      limits.workgroup >= kFewThreads && copied_row_bytes(matrix.cols) <= limits.shared_bytes;
  if (!of.norm && !copied) return {};
  const bool many = piece.rows >= kManyRows;
  const std::uint32_t threads = many || limits.workgroup < kThreads ? kFewThreads : kThreads;
  const std::uint32_t ahead = many || matrix.cols > kLongRow ? 2 : 1;
  const std::uint32_t groups = groups_of(piece.rows, threads / limits.subgroup);
  return Multiplier{{fmt::format("matvec_own_row_int8_{}_subgroups", name(matrix.type)),
                     {threads, of.norm ? kNormalised : kCopied, ahead, of.bias, of.add, matrix.cols,
                      0, is_aligned(matrix, piece)}},
                    {.x = many ? in_turns(groups, 2) : groups}};
}

// Workgroups for so much work that each takes several in turn: `each` on every multiprocessor.
std::uint32_t WorkRunner::in_turns(std::uint32_t work, std::uint32_t each) const {
  constexpr std::uint32_t kTurns = 4;  // where the device does not tell how many it runs
  const std::uint32_t there = parts_.context->limits().multiprocessors;
  return std::min(work, there > 0 ? each * there : groups_of(work, kTurns));
}

}  // namespace ceiling::vulkan
