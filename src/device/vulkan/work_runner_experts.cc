// The part of the runner that records mixtures of experts.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kMostExperts = 32 * 32;  // as route.comp has bits for
constexpr std::uint32_t kMostUsed = 512;
constexpr std::uint32_t kMostGroupsOfY = 65535;  // every device has so many
constexpr std::uint32_t kRowsAligned = 64;       // rows of any width after which a binding begins
constexpr std::uint32_t kRows = 2;               // of the matrix, a workgroup
constexpr std::uint32_t kThreads = 32;

}  // namespace

void WorkRunner::check_experts(const Route& o) {
  if (o.experts <= kMostExperts && o.used <= kMostUsed) return;
  fail(ExitCode::failed,
       "vulkan: a model uses {} of {} experts, the shaders know {} of {} at most: use --device cpu",
       o.used, o.experts, kMostUsed, kMostExperts);
}

void WorkRunner::put_one(const Route& o) {
  const std::uint32_t rows = rows_of(o.logits);
  recording_->dispatch({"route", {}}, std::array{value(o.logits), value(o.out)},
                       RouteParameters{o.experts, o.used, rows}, {.x = rows});
}

// Rows at a time that one binding shows and one dispatch counts. An expert's rows may lie in two
// pieces: sums over experts are then added up, piece after piece.
void WorkRunner::put_one(const GroupedMatMul& o) {
  const Matrix& matrix = parts_.weights->matrix(o.weight);
  const std::uint32_t used = width(o.routing) / 2;
  const std::uint32_t n = rows_of(o.in);
  const std::uint32_t counted = kMostGroupsOfY / used / kRowsAligned * kRowsAligned;
  const std::uint32_t at_once =
      std::min(rows_at_once(std::max(width(o.in), width(o.out))), counted);
  for (std::uint32_t first = 0; first < n; first += at_once) {
    const std::uint32_t count = std::min(at_once, n - first);
    bool again = false;
    for (const Piece& piece : matrix.pieces) {
      if (again && o.combine) recording_->barrier();
      const ExpertParameters parameters{piece.skew, matrix.row_bytes, piece.first_row,
                                        piece.rows, matrix.rows,      matrix.cols,
                                        used,       again ? 1U : 0U};
      recording_->dispatch(
          {by_subgroups(fmt::format("experts_{}", name(matrix.type))),
           {kThreads, kRows, o.combine ? 1U : 0U, o.in_apart ? 1U : 0U}},
          std::array{piece.span, rows_in(o.in, first, count), rows_in(o.routing, first, count),
                     rows_in(o.out, first, count)},
          parameters,
          {.x = (matrix.rows + kRows - 1) / kRows, .y = count * (o.combine ? 1 : used)});
      again = true;
    }
  }
}

}  // namespace ceiling::vulkan
