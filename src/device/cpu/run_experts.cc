#include "device/cpu/run_experts.h"

#include <algorithm>

#include "device/cpu/row_shares.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kOutputGranule = 16;  // floats in a cache line

// Which rows chose which expert. A pair is a row and its k-th choice, numbered row * used + k.
class Choices {
 public:
  Choices(const ExpertPhase& phase, const Slot& routing, std::size_t n,
          std::vector<std::uint32_t>& memory)
      : used_(phase.used), routing_(routing) {
    memory.assign(phase.experts + 1 + n * used_, 0);
    starts_ = memory.data();
    pairs_ = starts_ + phase.experts + 1;
    for (std::size_t pair = 0; pair < n * used_; ++pair) ++starts_[expert(pair) + 1];
    for (std::size_t e = 0; e < phase.experts; ++e) starts_[e + 1] += starts_[e];
    for (std::size_t pair = 0; pair < n * used_; ++pair) {
      pairs_[starts_[expert(pair)]++] = static_cast<std::uint32_t>(pair);
    }
    std::copy_backward(starts_, starts_ + phase.experts, starts_ + phase.experts + 1);
    starts_[0] = 0;
  }
  std::size_t expert(std::size_t pair) const {
    return static_cast<std::size_t>(routing_.row(pair / used_)[pair % used_]);
  }
  float share(std::size_t pair) const { return routing_.row(pair / used_)[used_ + pair % used_]; }
  // An expert's pairs lie from begin(e) to begin(e + 1).
  std::size_t begin(std::size_t e) const { return starts_[e]; }
  std::size_t count(std::size_t e) const { return starts_[e + 1] - starts_[e]; }
  std::size_t pair(std::size_t place) const { return pairs_[place]; }

 private:
  std::size_t used_;
  Slot routing_;
  std::uint32_t* starts_;
  std::uint32_t* pairs_;
};

std::size_t most_prepared_bytes(const MatMul& matmul, const MatMulShape& shape,
                                std::size_t max_rows) {
  std::size_t most = 0;
  for (std::size_t n = 1; n <= max_rows; ++n) {
    most = std::max(most, matmul.prepared_bytes(matmul.form(shape, n), shape.cols));
  }
  return most;
}

class ExpertRunner {
 public:
  ExpertRunner(const Machine& machine, const StepState& step, ThreadState& thread,
               const ExpertPhase& phase)
      : machine_(machine),
        thread_(thread),
        phase_(phase),
        prepared_(step.prepared),
        n_(step.count(phase.rows)),
        choices_(phase, thread.slots[phase.routing], n_, thread.choices) {}

  void prepare(const Team& team) {
    const RowRange mine = share_of(n_ * phase_.used, team.index(), team.threads(), 1);
    for (std::size_t place = mine.begin; place < mine.end; ++place) {
      const std::size_t pair = choices_.pair(place);
      const std::size_t e = choices_.expert(pair);
      const float* x = thread_.slots[phase_.input].row(pair / phase_.used);
      if (phase_.in_apart) x += pair % phase_.used * phase_.matrix.shape.cols;
      const InputForm how = form(e);
      const std::size_t pitch = machine_.matmul.prepared_bytes(how, phase_.matrix.shape.cols);
      machine_.matmul.prepare(how, x, phase_.matrix.shape.cols,
                              rows_of(e) + (place - choices_.begin(e)) * pitch);
    }
  }

  void multiply(const Team& team) {
    const std::size_t rows = phase_.matrix.shape.rows;
    const RowRange mine = share_of(rows, team.index(), team.threads(), kOutputGranule);
    const std::size_t room = 2 * thread_.wide_floats / (n_ * phase_.used);
    const std::size_t piece = std::max(room / kOutputGranule, std::size_t{1}) * kOutputGranule;
    for (std::size_t begin = mine.begin; begin < mine.end; begin += piece) {
      multiply_piece(begin, std::min(begin + piece, mine.end));
    }
  }

 private:
  InputForm form(std::size_t e) const {
    return machine_.matmul.form(phase_.matrix.shape, choices_.count(e));
  }
  // An expert's prepared rows; each has room for the largest preparation.
  std::byte* rows_of(std::size_t e) const {
    return prepared_ + choices_.begin(e) * phase_.prepared_bytes;
  }

  // Outputs [begin, end) of every expert that was chosen.
  void multiply_piece(std::size_t begin, std::size_t end) {
    const Matrix& matrix = phase_.matrix;
    const std::size_t width = end - begin;
    const std::size_t skipped = begin * row_bytes(matrix.shape.type, matrix.shape.cols);
    for (std::size_t e = 0; e < phase_.experts; ++e) {
      if (choices_.count(e) == 0) continue;
      machine_.matmul.multiply(matrix.shape, matrix.weights + e * phase_.expert_bytes + skipped, 0,
                               width, rows_of(e), choices_.count(e),
                               thread_.wide + choices_.begin(e) * width, width, thread_.workspace);
    }
    const Slot& out = thread_.slots[phase_.out];
    if (phase_.combine) {
      for (std::size_t r = 0; r < n_; ++r) std::fill_n(out.row(r) + begin, width, 0.0F);
    }
    // By expert, as ascending pairs within one: a fixed order of addition.
    for (std::size_t place = 0; place < n_ * phase_.used; ++place) {
      const std::size_t pair = choices_.pair(place);
      const float* y = thread_.wide + place * width;
      float* row = out.row(pair / phase_.used) + begin;
      if (phase_.combine) {
        machine_.kernels->add_scaled(y, choices_.share(pair), width, row);
      } else {
        std::copy(y, y + width, row + pair % phase_.used * matrix.shape.rows);
      }
    }
  }

  const Machine& machine_;
  ThreadState& thread_;
  const ExpertPhase& phase_;
  std::byte* prepared_;
  std::size_t n_;
  Choices choices_;
};

}  // namespace

void run_experts(const Machine& machine, const StepState& step, ThreadState& thread, Team& team,
                 const ExpertPhase& phase) {
  if (step.count(phase.rows) == 0) return;
  ExpertRunner runner(machine, step, thread, phase);
  runner.prepare(team);
  thread.clock.mark(phase.line);
  team.barrier();
  thread.clock.mark(wait_line(*machine.plan));
  runner.multiply(team);
  thread.clock.mark(phase.line);
}

void grow(ProductMemory& memory, const MatMul& matmul, ExpertPhase& phase, std::size_t max_rows) {
  const MatMulShape& shape = phase.matrix.shape;
  phase.prepared_bytes = most_prepared_bytes(matmul, shape, max_rows);
  const std::size_t pairs = max_rows * phase.used;
  memory.many_prepared = std::max(memory.many_prepared, pairs * phase.prepared_bytes);
  memory.wide_floats = std::max(memory.wide_floats, pairs * kOutputGranule);
  for (std::size_t n = 1; n <= max_rows; ++n) {
    memory.workspace = std::max(memory.workspace, matmul.workspace_bytes(shape, n));
  }
}

}  // namespace ceiling::cpu
