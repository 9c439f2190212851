// Checks a Program before anything trusts it: indices, order of writing and reading, shapes.
#include <fmt/core.h>

#include <cmath>

#include "base/error.h"
#include "model/program.h"

namespace ceiling {
namespace {

class Validator {
 public:
  explicit Validator(const Program& program)
      : program_(program),
        written_(program.values.size(), false),
        appended_(program.kv.size(), false) {}

  void run() {
    for (const KvState& kv : program_.kv) check_kv(kv);
    for (; step_ < program_.steps.size(); ++step_) {
      const Operation& operation = program_.steps[step_].operation;
      const Access uses = access(operation);
      for (const WeightId weight : uses.weights) check_weight(weight);
      for (const ValueId value : uses.reads) check_read(value);
      for (const ValueId value : uses.writes) check_value(value);
      std::visit([this](const auto& o) { check(o); }, operation);
      for (const ValueId value : uses.writes) written_[value] = true;
    }
    check_read(program_.logits);
    require(value(program_.logits).width == program_.vocabulary, "logits have width {}, not {}",
            value(program_.logits).width, program_.vocabulary);
    require(value(program_.logits).rows == RowSet::logits, "logits are kept for every row");
  }

 private:
  template <typename... Args>
  void require(bool holds, fmt::format_string<Args...> format, Args&&... args) const {
    if (holds) return;
    const std::string_view kind = step_ < program_.steps.size()
                                      ? kind_name(program_.steps[step_].operation)
                                      : std::string_view("end");
    fail(ExitCode::integrity, "program of architecture '{}', step {} ({}): {}",
         program_.architecture, step_, kind, fmt::format(format, std::forward<Args>(args)...));
  }

  const Value& value(ValueId id) const { return program_.values[id]; }
  const Weight& weight(WeightId id) const { return program_.weights[id]; }

  void check_value(ValueId id) const {
    require(id < program_.values.size(), "value {} of {}", id, program_.values.size());
    require(value(id).width > 0, "value '{}' has width 0", value(id).name);
  }
  void check_read(ValueId id) const {
    check_value(id);
    require(written_[id], "value '{}' is read before it is written", value(id).name);
  }
  void check_weight(WeightId id) const {
    require(id < program_.weights.size(), "weight {} of {}", id, program_.weights.size());
    const Weight& w = weight(id);
    require(w.rows > 0 && w.cols > 0 && w.groups > 0, "weight '{}' is empty", w.name);
    require(w.cols % info(w.type).block_elements == 0, "weight '{}': {} columns do not fill blocks",
            w.name, w.cols);
  }
  void check_vector(WeightId id, std::uint64_t cols) const {
    const Weight& w = weight(id);
    require(w.type == TensorType::F32, "'{}' has type {}, expected F32", w.name, name(w.type));
    require(w.rows == 1 && w.groups == 1 && w.cols == cols, "'{}' is not a vector of {}", w.name,
            cols);
  }
  void check_kv(const KvState& kv) const {
    require(kv.kv_heads > 0 && kv.key_width > 0 && kv.value_width > 0,
            "the KV state of layer {} is empty", kv.layer);
    require(!kv.window || *kv.window > 0, "the KV state of layer {} has a window of 0", kv.layer);
  }
  void check_width(ValueId id, std::uint64_t width) const {
    require(value(id).width == width, "value '{}' has width {}, expected {}", value(id).name,
            value(id).width, width);
  }
  void check_rows(ValueId a, ValueId b) const {
    require(value(a).rows == value(b).rows, "values '{}' and '{}' have different rows",
            value(a).name, value(b).name);
  }
  void check_batch_rows(ValueId id) const {
    require(value(id).rows == RowSet::batch, "value '{}' does not have the batch's rows",
            value(id).name);
  }

  void check(const Embed& o) const {
    check_batch_rows(o.out);
    check_width(o.out, weight(o.table).cols);
    require(weight(o.table).rows == program_.vocabulary && weight(o.table).groups == 1,
            "'{}' does not have one row for each of {} tokens", weight(o.table).name,
            program_.vocabulary);
    require(std::isfinite(o.scale), "scale {}", o.scale);
  }
  void check(const RmsNorm& o) const {
    require(o.group > 0 && value(o.in).width % o.group == 0, "groups of {} do not divide {}",
            o.group, value(o.in).width);
    check_vector(o.weight, o.group);
    check_width(o.out, value(o.in).width);
    check_rows(o.in, o.out);
    require(std::isfinite(o.epsilon) && o.epsilon >= 0, "epsilon {}", o.epsilon);
  }
  void check(const MatMul& o) const {
    check_width(o.in, weight(o.weight).cols);
    check_width(o.out, weight(o.weight).rows);
    require(weight(o.weight).groups == 1, "'{}' is grouped", weight(o.weight).name);
    if (o.bias) check_vector(*o.bias, weight(o.weight).rows);
    check_rows(o.in, o.out);
    require(o.in != o.out, "its output is its input");
  }
  void check(const Rope& o) const {
    check_batch_rows(o.value);
    check_width(o.value, std::uint64_t{o.heads} * o.head_width);
    require(o.rotated % 2 == 0 && o.rotated <= o.head_width, "rotates {} of {} elements", o.rotated,
            o.head_width);
    require(std::isfinite(o.base) && o.base > 0, "base {}", o.base);
    require(std::isfinite(o.position_scale), "position scale {}", o.position_scale);
    if (o.frequency_divisors) check_vector(*o.frequency_divisors, o.rotated / 2);
  }
  void check(const KvAppend& o) {
    require(o.kv < program_.kv.size(), "KV state {} of {}", o.kv, program_.kv.size());
    const KvState& kv = program_.kv[o.kv];
    check_batch_rows(o.key);
    check_batch_rows(o.value);
    check_width(o.key, std::uint64_t{kv.kv_heads} * kv.key_width);
    check_width(o.value, std::uint64_t{kv.kv_heads} * kv.value_width);
    require(!appended_[o.kv], "KV state {} is appended twice", o.kv);
    appended_[o.kv] = true;
  }
  void check(const Attention& o) const {
    require(o.kv < program_.kv.size(), "KV state {} of {}", o.kv, program_.kv.size());
    require(appended_[o.kv], "KV state {} is read before it is appended", o.kv);
    const KvState& kv = program_.kv[o.kv];
    check_batch_rows(o.query);
    check_batch_rows(o.out);
    check_width(o.query, std::uint64_t{o.heads} * kv.key_width);
    check_width(o.out, std::uint64_t{o.heads} * kv.value_width);
    require(o.heads > 0 && o.heads % kv.kv_heads == 0, "{} heads do not share {} KV heads evenly",
            o.heads, kv.kv_heads);
    require(std::isfinite(o.scale), "scale {}", o.scale);
    require(!o.soft_cap || *o.soft_cap > 0, "soft cap of 0 or less");
    require(o.query != o.out, "its output is its input");
  }
  void check(const GatedActivation& o) const {
    check_width(o.up, value(o.gate).width);
    check_width(o.out, value(o.gate).width);
    check_rows(o.gate, o.up);
    check_rows(o.gate, o.out);
  }
  void check(const Add& o) const {
    check_width(o.b, value(o.a).width);
    check_width(o.out, value(o.a).width);
    check_rows(o.a, o.b);
    check_rows(o.a, o.out);
  }
  void check(const SelectRows& o) const {
    check_width(o.out, value(o.in).width);
    check_batch_rows(o.in);
    require(value(o.out).rows == RowSet::logits, "its output has the batch's rows");
  }
  void check(const SoftCap& o) const { require(o.cap > 0, "cap {}", o.cap); }
  void check(const Route& o) const {
    require(o.used > 0 && o.used <= o.experts, "uses {} of {} experts", o.used, o.experts);
    check_width(o.logits, o.experts);
    check_width(o.out, std::uint64_t{2} * o.used);
    check_rows(o.logits, o.out);
    require(o.logits != o.out, "its output is its input");
  }
  void check(const GroupedMatMul& o) const {
    const std::uint64_t used = value(o.routing).width / 2;
    const Weight& w = weight(o.weight);
    require(used > 0 && value(o.routing).width % 2 == 0 && used <= w.groups,
            "routes to {} of {} experts", used, w.groups);
    check_width(o.in, o.in_apart ? used * w.cols : w.cols);
    check_width(o.out, o.combine ? w.rows : used * w.rows);
    check_rows(o.in, o.out);
    check_rows(o.in, o.routing);
    require(o.in != o.out, "its output is its input");
  }

  const Program& program_;
  std::vector<bool> written_;
  std::vector<bool> appended_;
  std::size_t step_ = 0;
};

}  // namespace

void validate(const Program& program) { Validator(program).run(); }

}  // namespace ceiling
