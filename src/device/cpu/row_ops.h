// Operations of a Program as row operations of a plan, their weights resolved to pointers.
#pragma once

#include "device/cpu/flow.h"
#include "device/cpu/phases.h"
#include "model/weights.h"

namespace ceiling::cpu {

class RowOps {
 public:
  RowOps(const Program& program, const Weights& weights, const Flow& flow, Plan& plan)
      : program_(program), weights_(weights), flow_(flow), plan_(plan) {}

  // Appends to the work's last stage, or to a new one where the rows change.
  void add(RowWork& work, const RowOp& op, RowSet rows) const;
  void add_step(RowWork& work, std::size_t step);

  Matrix matrix(WeightId weight) const;
  Matrix matrix(const ceiling::MatMul& product);  // with its bias
  HeadNorm head_norm(const RmsNorm& norm);
  HeadRope head_rope(const Rope& rope);

 private:
  const float* vector(WeightId weight);  // float32
  RowOp row_op(std::size_t step);
  const Program& program_;
  const Weights& weights_;
  const Flow& flow_;
  Plan& plan_;
};

}  // namespace ceiling::cpu
