// Who writes and who reads each value of a segment. A Program may write a value again; here each
// writing is a variable of its own (static single assignment).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/program.h"

namespace ceiling::cpu {

using VarId = std::uint32_t;
inline constexpr VarId kNoVar = ~VarId{0};

struct Var {
  ValueId value = 0;
  std::uint32_t width = 0;
  RowSet rows = RowSet::batch;
  std::optional<std::size_t> definer;  // step; none: it comes from before the segment
  std::vector<std::size_t> readers;    // steps
  bool leaves = false;                 // handed on at the segment's end
};

class Flow {
 public:
  Flow(const Program& program, std::size_t begin, std::size_t end);

  // Adds a variable that no step of the Program names.
  VarId add(std::uint32_t width, RowSet rows);
  const std::vector<Var>& vars() const { return vars_; }
  const Var& operator[](VarId id) const { return vars_[id]; }
  VarId in(std::size_t step, std::size_t operand = 0) const {
    return steps_[step - begin_].in[operand];
  }
  VarId out(std::size_t step) const { return steps_[step - begin_].out; }
  const std::vector<VarId>& entering() const { return entering_; }  // as values_across(begin)
  const std::vector<VarId>& leaving() const {
    return leaving_;
  }  // as values_across(end), or logits
  // True where `step` alone reads the variable.
  bool only_reader(VarId id, std::size_t step) const {
    return !vars_[id].leaves && vars_[id].readers.size() == 1 && vars_[id].readers[0] == step;
  }

 private:
  struct Operands {
    std::vector<VarId> in;
    VarId out = kNoVar;
  };
  std::size_t begin_;
  std::vector<Var> vars_;
  std::vector<Operands> steps_;
  std::vector<VarId> entering_, leaving_;
};

}  // namespace ceiling::cpu
