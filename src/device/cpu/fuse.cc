#include "device/cpu/fuse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "device/cpu/row_ops.h"
#include "device/cpu/shares.h"

namespace ceiling::cpu {
namespace {

// "blk.3.ffn_down.weight" -> "ffn_down"
std::string role(std::string_view tensor) {
  if (tensor.starts_with("blk."))
    tensor.remove_prefix(std::min(tensor.find('.', 4), tensor.size() - 1) + 1);
  if (tensor.ends_with(".weight")) tensor.remove_suffix(7);
  return std::string(tensor);
}

class Fuser {
 public:
  Fuser(const Program& program, const Weights& weights, std::size_t begin, std::size_t end,
        unsigned threads, Flow& flow)
      : program_(program),
        begin_(begin),
        end_(end),
        threads_(threads),
        flow_(flow),
        covered_(end - begin, false),
        lines_(plan_),
        rows_(program, weights, flow, plan_) {}

  Plan fuse() {
    for (std::size_t step = begin_; step < end_; ++step) {
      if (covered_[step - begin_]) continue;
      const Operation& operation = program_.steps[step].operation;
      if (std::holds_alternative<ceiling::MatMul>(operation)) {
        products(step);
      } else if (std::holds_alternative<GroupedMatMul>(operation)) {
        experts(step);
      } else if (const auto* attend = std::get_if<Attention>(&operation)) {
        attention(step, *attend);
      } else {
        pending_.push_back(step);
        covered_[step - begin_] = true;
      }
    }
    if (!pending_.empty() || merge_) {
      RowPhase phase;
      phase.work = take_pending("");
      plan_.phases.emplace_back(std::move(phase));
    }
    check_coverage();
    return std::move(plan_);
  }

 private:
  template <typename T>
  const T* operation(std::size_t step) const {
    return std::get_if<T>(&program_.steps[step].operation);
  }

  // The one step that reads the variable, if it is of that kind and not yet taken.
  template <typename T>
  std::optional<std::size_t> sole_reader(VarId var) const {
    const Var& v = flow_[var];
    if (v.leaves || v.readers.size() != 1) return std::nullopt;
    const std::size_t reader = v.readers[0];
    if (covered_[reader - begin_] || operation<T>(reader) == nullptr) return std::nullopt;
    return reader;
  }

  // Already there when the phase's products run: from before the segment, an earlier phase, or the
  // phase's own row work.
  bool ready(VarId var, const std::vector<std::size_t>& products) const {
    const auto definer = flow_[var].definer;
    if (!definer) return true;
    return covered_[*definer - begin_] &&
           std::find(products.begin(), products.end(), *definer) == products.end();
  }

  // The steps not yet in a phase become row work of the next one. `last` names what follows them
  // there ("prepare"), for the profile.
  RowWork take_pending(std::string_view last) {
    RowWork work;
    std::vector<std::string> kinds;
    if (merge_) {
      rows_.add(work, *merge_, RowSet::batch);
      kinds.emplace_back("merge");
      merge_.reset();
    }
    for (const std::size_t step : pending_) {
      rows_.add_step(work, step);
      const std::string kind(kind_name(program_.steps[step].operation));
      if (kinds.empty() || kinds.back() != kind) kinds.push_back(kind);
    }
    if (!last.empty()) kinds.emplace_back(last);
    work.line = lines_.find(fmt::format("{}", fmt::join(kinds, "+")), pending_);
    pending_.clear();
    return work;
  }

  void products(std::size_t first) {
    ProductPhase phase;
    phase.input = flow_.in(first);
    phase.rows = flow_[flow_.out(first)].rows;
    phase.before = take_pending("prepare");
    if (phase.before.stages.empty() || phase.before.stages.back().rows != phase.rows) {
      phase.before.stages.push_back({.rows = phase.rows, .once = false, .ops = {}});
    }
    std::vector<std::size_t> steps;
    for (const std::size_t reader : flow_[phase.input].readers) {
      if (operation<ceiling::MatMul>(reader) != nullptr) {
        steps.push_back(reader);
        covered_[reader - begin_] = true;
      }
    }
    std::vector<std::size_t> done;  // with what was fused
    for (const std::size_t step : steps) {
      if (std::find(done.begin(), done.end(), step) != done.end()) continue;
      phase.products.push_back(product(step, steps, done));
    }
    phase.shares = share_rows(phase.products, threads_);
    plan_.phases.emplace_back(std::move(phase));
  }

  // One of the phase's products and what can follow it at once.
  MatrixProduct product(std::size_t step, const std::vector<std::size_t>& products,
                        std::vector<std::size_t>& done) {
    MatrixProduct out;
    std::vector<std::size_t> covers{step};
    out.matrix = rows_.matrix(*operation<ceiling::MatMul>(step));
    out.out = flow_.out(step);
    std::string name = role_of(step);
    const auto follow = [&](std::size_t next) {
      covered_[next - begin_] = true;
      covers.push_back(next);
      out.out = flow_.out(next);
    };
    if (const auto gated = sole_reader<GatedActivation>(out.out)) {
      const bool is_gate = flow_.in(*gated, 0) == out.out;
      const VarId other = flow_.in(*gated, is_gate ? 1 : 0);
      const auto definer = flow_[other].definer;
      if (other != out.out && definer && flow_.only_reader(other, *gated) &&
          std::find(products.begin(), products.end(), *definer) != products.end()) {
        out.up = rows_.matrix(*operation<ceiling::MatMul>(*definer));
        if (!is_gate) std::swap(out.matrix, out.up);
        out.activation = operation<GatedActivation>(*gated)->activation;
        name += "+" + role_of(*definer);
        covers.push_back(*definer);
        follow(*gated);
      }
    }
    if (const auto add = sole_reader<Add>(out.out)) {
      const VarId other = flow_.in(*add, flow_.in(*add, 0) == out.out ? 1 : 0);
      const bool of_this_phase = !ready(other, products) || !ready(other, done);
      if (other != out.out && !of_this_phase) {
        out.residual = other;
        follow(*add);
      }
    }
    if (const auto cap = sole_reader<SoftCap>(out.out)) {
      out.soft_cap = operation<SoftCap>(*cap)->cap;
      follow(*cap);
    }
    std::string types(ceiling::name(out.matrix.shape.type));
    if (out.up.weights != nullptr && out.up.shape.type != out.matrix.shape.type) {
      types += "+" + std::string(ceiling::name(out.up.shape.type));
    }
    out.line = lines_.find(fmt::format("matmul {} {}", types, name), covers);
    done.insert(done.end(), covers.begin(), covers.end());
    return out;
  }

  std::string role_of(std::size_t step) const {
    return role(program_.weights[operation<ceiling::MatMul>(step)->weight].name);
  }

  void experts(std::size_t step) {
    const auto& grouped = *operation<GroupedMatMul>(step);
    const Weight& weight = program_.weights[grouped.weight];
    ExpertPhase phase;
    phase.before = take_pending("prepare");
    phase.matrix = rows_.matrix(grouped.weight);
    phase.experts = weight.groups;
    phase.used = program_.values[grouped.routing].width / 2;
    phase.expert_bytes = weight.rows * row_bytes(weight.type, weight.cols);
    phase.input = flow_.in(step, 0);
    phase.routing = flow_.in(step, 1);
    phase.out = flow_.out(step);
    phase.rows = flow_[phase.out].rows;
    phase.in_apart = grouped.in_apart;
    phase.combine = grouped.combine;
    phase.line = lines_.find(
        fmt::format("experts {} {}", ceiling::name(weight.type), role(weight.name)), {step});
    covered_[step - begin_] = true;
    plan_.phases.emplace_back(std::move(phase));
  }

  // The norm and the RoPE of heads that end in `var`, which `reader` alone reads: taken out of the
  // pending steps. `var` becomes what they start from.
  void take_head_steps(VarId& var, std::size_t reader, std::uint32_t head_width,
                       std::optional<HeadNorm>& norm, std::optional<HeadRope>& rope,
                       std::vector<std::size_t>& covers) {
    for (;;) {
      const auto definer = flow_[var].definer;
      const auto found =
          definer ? std::find(pending_.begin(), pending_.end(), *definer) : pending_.end();
      if (found == pending_.end() || !flow_.only_reader(var, reader)) return;
      if (const auto* r = operation<Rope>(*definer); r != nullptr) {
        if (rope || norm || r->head_width != head_width) return;
        rope = rows_.head_rope(*r);
      } else if (const auto* n = operation<RmsNorm>(*definer); n != nullptr) {
        if (norm || n->group != head_width) return;
        norm = rows_.head_norm(*n);
      } else {
        return;
      }
      covers.push_back(*definer);
      reader = *definer;
      var = flow_.in(*definer);
      pending_.erase(found);
    }
  }

  void attention(std::size_t step, const Attention& attend) {
    AttentionPhase phase;
    std::vector<std::size_t> covers{step};
    phase.kv = attend.kv;
    phase.shape = program_.kv[attend.kv];
    phase.heads = attend.heads;
    phase.scale = attend.scale;
    phase.soft_cap = attend.soft_cap.value_or(0.0F);
    phase.query = flow_.in(step);
    take_head_steps(phase.query, step, phase.shape.key_width, phase.query_norm, phase.query_rope,
                    covers);
    for (auto it = pending_.begin(); it != pending_.end(); ++it) {
      const auto* append = operation<KvAppend>(*it);
      if (append == nullptr || append->kv != attend.kv) continue;
      const std::size_t at = *it;
      phase.append = true;
      phase.key = flow_.in(at, 0);
      phase.value = flow_.in(at, 1);
      covers.push_back(at);
      pending_.erase(it);
      take_head_steps(phase.key, at, phase.shape.key_width, phase.key_norm, phase.key_rope, covers);
      break;
    }
    if (!pending_.empty() || merge_) {
      phase.before = take_pending("");
      for (RowStage& stage : phase.before.stages) stage.once = true;
    }
    phase.ready_query = flow_.add(flow_[phase.query].width, RowSet::batch);
    std::sort(covers.begin(), covers.end());
    phase.line = lines_.find("attention", covers);
    covered_[step - begin_] = true;
    merge_ = MergeRow{.kv = phase.kv,
                      .heads = phase.heads,
                      .group = phase.group(),
                      .value_width = phase.shape.value_width,
                      .out = flow_.out(step)};
    plan_.phases.emplace_back(std::move(phase));
  }

  void check_coverage() const {
    std::vector<int> times(end_ - begin_, 0);
    for (const PlanLine& line : plan_.lines) {
      for (const std::size_t step : line.steps) ++times[step - begin_];
    }
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] == 1) continue;
      fail(ExitCode::failed, "step {} ({}) is covered {} times by the cpu device's plan, not once",
           begin_ + i, kind_name(program_.steps[begin_ + i].operation), times[i]);
    }
  }

  // Lines of the profile by their label.
  class Lines {
   public:
    explicit Lines(Plan& plan) : plan_(plan) {}
    LineId find(const std::string& label, const std::vector<std::size_t>& steps) {
      auto it = std::find_if(plan_.lines.begin(), plan_.lines.end(),
                             [&](const PlanLine& line) { return line.label == label; });
      if (it == plan_.lines.end()) it = plan_.lines.insert(it, {label, {}});
      it->steps.insert(it->steps.end(), steps.begin(), steps.end());
      return static_cast<LineId>(it - plan_.lines.begin());
    }

   private:
    Plan& plan_;
  };

  const Program& program_;
  std::size_t begin_, end_;
  unsigned threads_;
  Flow& flow_;
  std::vector<bool> covered_;  // in a phase, or pending
  std::vector<std::size_t> pending_;
  std::optional<MergeRow> merge_;  // of the attention before
  Plan plan_;
  Lines lines_;
  RowOps rows_;
};

}  // namespace

Plan fuse(const Program& program, const Weights& weights, std::size_t begin, std::size_t end,
          unsigned threads, Flow& flow) {
  return Fuser(program, weights, begin, end, threads, flow).fuse();
}

}  // namespace ceiling::cpu
