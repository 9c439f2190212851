#include "device/cpu/flow.h"

namespace ceiling::cpu {

Flow::Flow(const Program& program, std::size_t begin, std::size_t end) : begin_(begin) {
  std::vector<VarId> current(program.values.size(), kNoVar);  // the latest writing of each value
  const auto write = [&](ValueId value) {
    const Value& v = program.values[value];
    current[value] = add(v.width, v.rows);
    vars_.back().value = value;
    return current[value];
  };
  for (const ValueId value : values_across(program, begin)) entering_.push_back(write(value));
  for (std::size_t step = begin; step < end; ++step) {
    const Access uses = access(program.steps[step].operation);
    Operands operands;
    for (const ValueId value : uses.reads) {
      operands.in.push_back(current[value]);
      vars_[current[value]].readers.push_back(step);
    }
    for (const ValueId value : uses.writes) {
      operands.out = write(value);
      vars_.back().definer = step;
    }
    steps_.push_back(std::move(operands));
  }
  if (end == program.steps.size()) {
    leaving_.push_back(current[program.logits]);
  } else {
    for (const ValueId value : values_across(program, end)) leaving_.push_back(current[value]);
  }
  for (const VarId id : leaving_) vars_[id].leaves = true;
}

VarId Flow::add(std::uint32_t width, RowSet rows) {
  Var var;
  var.width = width;
  var.rows = rows;
  vars_.push_back(std::move(var));
  return static_cast<VarId>(vars_.size() - 1);
}

}  // namespace ceiling::cpu
