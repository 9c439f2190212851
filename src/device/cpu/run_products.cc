#include "device/cpu/run_products.h"

#include <algorithm>
#include <array>

#include "device/cpu/added_work.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kPieceFloats =
    std::size_t{256} * 1024;                // outputs that stay in a core's cache
constexpr std::size_t kPiecesOfThread = 4;  // at least, so that none waits long for another
constexpr std::size_t kMostPreparations = 8;

// The distinct forms of the input that a phase's products ask for, and where each one's rows begin.
class Preparations {
 public:
  Preparations(const MatMul& matmul, const ProductPhase& phase, std::size_t n)
      : matmul_(matmul), cols_(phase.products.front().matrix.shape.cols), n_(n) {
    for (const MatrixProduct& product : phase.products) {
      offset(product.matrix);
      if (product.up.weights != nullptr) offset(product.up);
    }
  }
  // Of the rows that a matrix reads.
  std::size_t offset(const Matrix& matrix) {
    const InputForm wanted = matmul_.form(matrix.shape, n_);
    for (std::size_t i = 0; i < count_; ++i) {
      if (kinds_[i] == wanted) return offsets_[i];
    }
    kinds_[count_] = wanted;
    offsets_[count_] = bytes_;
    bytes_ += n_ * matmul_.prepared_bytes(wanted, cols_);
    return offsets_[count_++];
  }
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return bytes_; }
  void prepare(std::size_t i, const float* x, std::size_t row, std::byte* prepared) const {
    const std::size_t pitch = matmul_.prepared_bytes(kinds_[i], cols_);
    matmul_.prepare(kinds_[i], x, cols_, prepared + offsets_[i] + row * pitch);
  }

 private:
  const MatMul& matmul_;
  std::size_t cols_, n_;
  std::array<InputForm, kMostPreparations> kinds_{};
  std::array<std::size_t, kMostPreparations> offsets_{};
  std::size_t count_ = 0, bytes_ = 0;
};

std::size_t granule(const MatMul& matmul, const MatrixProduct& product, std::size_t n) {
  std::size_t rows = matmul.row_granule(product.matrix.shape, n);
  if (product.up.weights != nullptr) {
    rows = std::max(rows, matmul.row_granule(product.up.shape, n));
  }
  return rows;
}

// Outputs that a thread takes at a time where the rows are many.
std::size_t piece_rows(const MatMul& matmul, const MatrixProduct& product, std::size_t n) {
  const std::size_t unit = granule(matmul, product, n);
  return std::max<std::size_t>(kPieceFloats / n / unit, 1) * unit;
}

class ProductRunner {
 public:
  ProductRunner(const Machine& machine, const StepState& step, ThreadState& thread,
                const ProductPhase& phase, const std::byte* prepared)
      : machine_(machine),
        kernels_(*machine.kernels),
        thread_(thread),
        prepared_(prepared),
        n_(step.count(phase.rows)),
        preparations_(machine.matmul, phase, n_) {}

  // Outputs [begin, end) of a product, with what follows it.
  void run(const MatrixProduct& product, std::size_t begin, std::size_t end) {
    if (begin >= end) return;
    const Slot out = thread_.slots[product.out];
    if (product.up.weights == nullptr) {
      multiply(product.matrix, begin, end, out.data + begin, out.pitch);
    } else {
      gated(product, begin, end, out);
    }
    for (std::size_t r = 0; r < n_; ++r) {
      float* y = out.row(r) + begin;
      if (product.residual != kNoVar) {
        kernels_.add(y, thread_.slots[product.residual].row(r) + begin, end - begin, y);
      }
      if (product.soft_cap != 0) kernels_.soft_cap(y, product.soft_cap, end - begin, y);
    }
    thread_.clock.mark(product.line);
  }

 private:
  void multiply(const Matrix& matrix, std::size_t begin, std::size_t end, float* y,
                std::size_t pitch) {
    const std::size_t row_bytes = ceiling::row_bytes(matrix.shape.type, matrix.shape.cols);
    if (machine_.added && n_ == 1) {
      multiply_trial(machine_.matmul, *machine_.added, thread_.added, matrix, begin, end,
                     prepared_ + preparations_.offset(matrix), y);
      if (matrix.bias != nullptr) kernels_.add(y, matrix.bias + begin, end - begin, y);
      return;
    }
    machine_.matmul.multiply(matrix.shape, matrix.weights + begin * row_bytes, 0, end - begin,
                             prepared_ + preparations_.offset(matrix), n_, y, pitch,
                             thread_.workspace);
    if (matrix.bias == nullptr) return;
    for (std::size_t r = 0; r < n_; ++r) {
      kernels_.add(y + r * pitch, matrix.bias + begin, end - begin, y + r * pitch);
    }
  }

  void gated(const MatrixProduct& product, std::size_t begin, std::size_t end, const Slot& out) {
    const std::size_t count = end - begin;
    float* const gate = thread_.wide;
    float* const up = thread_.wide + thread_.wide_floats;
    multiply(product.matrix, begin, end, gate, count);
    multiply(product.up, begin, end, up, count);
    const auto activate =
        product.activation == Activation::silu ? kernels_.silu_times : kernels_.gelu_times;
    for (std::size_t r = 0; r < n_; ++r) {
      activate(gate + r * count, up + r * count, count, out.row(r) + begin);
    }
  }

  const Machine& machine_;
  const RowKernels& kernels_;
  ThreadState& thread_;
  const std::byte* prepared_;
  std::size_t n_;
  Preparations preparations_;
};

}  // namespace

void prepare_input(const Machine& machine, ThreadState& thread, const ProductPhase& phase,
                   std::size_t n, std::size_t r, std::byte* prepared) {
  const Preparations preparations(machine.matmul, phase, n);
  const float* x = thread.slots[phase.input].row(r);
  for (std::size_t i = 0; i < preparations.count(); ++i) preparations.prepare(i, x, r, prepared);
}

void run_products(const Machine& machine, const StepState& step, ThreadState& thread,
                  const Team& team, const ProductPhase& phase, const std::byte* prepared,
                  const PhaseQueues& queues) {
  const std::size_t n = step.count(phase.rows);
  if (n == 0) return;
  ProductRunner runner(machine, step, thread, phase, prepared);
  if (n <= kFewRows) {
    queues.work_off(
        team, [&](unsigned t) { return phase.shares[t].size(); },
        [&](unsigned t, std::size_t i) {
          const Piece& piece = phase.shares[t][i];
          runner.run(phase.products[piece.product], piece.begin, piece.end);
        });
    return;
  }
  std::size_t all = 0;
  for (const MatrixProduct& product : phase.products) all += product.matrix.shape.rows;
  std::size_t taken = queues.take_common();
  std::size_t before = 0;  // pieces of the products before this one
  for (const MatrixProduct& product : phase.products) {
    const std::size_t rows = product.matrix.shape.rows;
    const std::size_t unit = granule(machine.matmul, product, n);
    const std::size_t fair = all / (team.threads() * kPiecesOfThread) / unit * unit;
    const std::size_t piece =
        std::min(piece_rows(machine.matmul, product, n), std::max(fair, unit));
    const std::size_t pieces = (rows + piece - 1) / piece;
    while (taken < before + pieces) {
      const std::size_t begin = (taken - before) * piece;
      runner.run(product, begin, std::min(begin + piece, rows));
      taken = queues.take_common();
    }
    before += pieces;
  }
}

void grow(ProductMemory& memory, const MatMul& matmul, const ProductPhase& phase,
          std::size_t max_rows) {
  for (std::size_t n = 1; n <= max_rows; ++n) {
    const std::size_t prepared = Preparations(matmul, phase, n).bytes();
    memory.many_prepared = std::max(memory.many_prepared, prepared);
    if (n <= kFewRows) memory.few_prepared = std::max(memory.few_prepared, prepared);
    for (const MatrixProduct& product : phase.products) {
      for (const Matrix* matrix : {&product.matrix, &product.up}) {
        if (matrix->weights == nullptr) continue;
        memory.workspace = std::max(memory.workspace, matmul.workspace_bytes(matrix->shape, n));
      }
      if (product.up.weights == nullptr) continue;
      const std::size_t rows = product.matrix.shape.rows;
      const std::size_t most =
          n <= kFewRows ? rows : std::min(rows, piece_rows(matmul, product, n));
      memory.wide_floats = std::max(memory.wide_floats, n * most);
    }
  }
}

}  // namespace ceiling::cpu
