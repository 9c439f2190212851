#include "model/program.h"

#include <utility>

namespace ceiling {
namespace {

constexpr std::string_view kKindNames[] = {
    "embed", "norm",        "matmul",   "rope",  "kv_append",     "attention", "gated_activation",
    "add",   "select_rows", "soft_cap", "route", "grouped_matmul"};
static_assert(std::size(kKindNames) == std::variant_size_v<Operation>);

struct AccessOf {
  Access operator()(const Embed& o) const { return {{}, {o.out}, {o.table}}; }
  Access operator()(const RmsNorm& o) const { return {{o.in}, {o.out}, {o.weight}}; }
  Access operator()(const MatMul& o) const {
    Access out{{o.in}, {o.out}, {o.weight}};
    if (o.bias) out.weights.push_back(*o.bias);
    return out;
  }
  Access operator()(const Rope& o) const {
    Access out{{o.value}, {o.value}, {}};
    if (o.frequency_divisors) out.weights.push_back(*o.frequency_divisors);
    return out;
  }
  Access operator()(const KvAppend& o) const { return {{o.key, o.value}, {}, {}}; }
  Access operator()(const Attention& o) const { return {{o.query}, {o.out}, {}}; }
  Access operator()(const GatedActivation& o) const { return {{o.gate, o.up}, {o.out}, {}}; }
  Access operator()(const Add& o) const { return {{o.a, o.b}, {o.out}, {}}; }
  Access operator()(const SelectRows& o) const { return {{o.in}, {o.out}, {}}; }
  Access operator()(const SoftCap& o) const { return {{o.value}, {o.value}, {}}; }
  Access operator()(const Route& o) const { return {{o.logits}, {o.out}, {}}; }
  Access operator()(const GroupedMatMul& o) const {
    return {{o.in, o.routing}, {o.out}, {o.weight}};
  }
};

}  // namespace

std::string_view kind_name(const Operation& operation) { return kKindNames[operation.index()]; }

Access access(const Operation& operation) { return std::visit(AccessOf{}, operation); }

std::uint64_t Program::weight_bytes() const {
  std::uint64_t total = 0;
  for (const Weight& weight : weights) total += weight.bytes();
  return total;
}

std::vector<ValueId> values_across(const Program& program, std::size_t cut) {
  std::vector<bool> written(program.values.size(), false);
  for (std::size_t i = 0; i < cut; ++i) {
    for (const ValueId value : access(program.steps[i].operation).writes) written[value] = true;
  }
  std::vector<bool> settled(program.values.size(), false);  // its first later use has been seen
  std::vector<bool> crosses(program.values.size(), false);
  for (std::size_t i = cut; i < program.steps.size(); ++i) {
    const Access uses = access(program.steps[i].operation);
    for (const ValueId value : uses.reads) {
      if (!settled[value] && written[value]) crosses[value] = true;
      settled[value] = true;
    }
    for (const ValueId value : uses.writes) settled[value] = true;
  }
  std::vector<ValueId> out;
  for (ValueId value = 0; value < crosses.size(); ++value) {
    if (crosses[value]) out.push_back(value);
  }
  return out;
}

}  // namespace ceiling
