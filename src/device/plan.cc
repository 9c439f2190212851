#include "device/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ceiling {
namespace {

constexpr std::size_t kMostProducts = 3;

// "blk.3.ffn_down.weight" -> "ffn_down"
std::string role(std::string_view tensor) {
  if (tensor.starts_with("blk.")) {
    tensor.remove_prefix(std::min(tensor.find('.', 4), tensor.size() - 1) + 1);
  }
  if (tensor.ends_with(".weight")) tensor.remove_suffix(7);
  return std::string(tensor);
}

class Planner {
 public:
  Planner(const Program& program, std::size_t begin, std::size_t end)
      : program_(program), next_(begin), end_(end) {}

  std::vector<Planned> run() {
    while (next_ < end_) {
      first_ = next_;
      if (!products() && !turns()) single();
    }
    for (std::size_t i = 1; i < planned_.size(); ++i) join_gate(planned_[i - 1], planned_[i]);
    return std::move(planned_);
  }

 private:
  template <typename T>
  const T* at(std::size_t step) const {
    return step < end_ ? std::get_if<T>(&program_.steps[step].operation) : nullptr;
  }

  // Whether a step from `step` on reads the value before it is written again.
  bool read_from(ValueId value, std::size_t step) const {
    for (; step < program_.steps.size(); ++step) {
      const Access uses = access(program_.steps[step].operation);
      if (std::ranges::count(uses.reads, value) > 0) return true;
      if (std::ranges::count(uses.writes, value) > 0) return false;
    }
    return value == program_.logits;
  }

  void finish(Work work, std::string label) {
    Planned planned{.work = std::move(work), .steps = {}, .label = std::move(label)};
    for (std::size_t step = first_; step < next_; ++step) planned.steps.push_back(step);
    planned_.push_back(std::move(planned));
  }

  bool products() {
    Products work;
    std::size_t step = next_;
    const auto* norm = at<RmsNorm>(step);
    const auto* product = at<MatMul>(norm != nullptr ? step + 1 : step);
    if (product == nullptr) return false;
    work.in = product->in;
    if (norm != nullptr) {
      const bool whole = norm->group == program_.values[norm->in].width;
      if (!whole || norm->out != product->in || norm->in == norm->out) return false;
      work.in = norm->in;
      ++step;
    }
    const ValueId read = product->in;
    while (work.products.size() < kMostProducts) {
      const auto* more = at<MatMul>(step);
      if (more == nullptr || more->in != read) break;
      work.products.push_back(*more);
      ++step;
    }
    if (norm != nullptr) work.norm = Products::Norm{*norm, read_from(norm->out, step)};
    step = take_end(work, step);
    next_ = step;
    finish(work, label_of(work));
    return true;
  }

  void join_gate(Planned& before, const Planned& after) const {
    auto* gated = std::get_if<Products>(&before.work);
    const auto* reader = std::get_if<Products>(&after.work);
    if (gated == nullptr || !gated->gate || reader == nullptr || reader->norm) return;
    const ValueId out = gated->gate->out;
    gated->gate_is_next = reader->in == out && !read_from(out, after.steps.back() + 1);
  }

  // The gate or the sum that follows, where what it reads is read by nothing else.
  std::size_t take_end(Products& work, std::size_t step) const {
    const Weight& first = program_.weights[work.products[0].weight];
    if (const auto* gate = at<GatedActivation>(step);
        gate != nullptr && work.products.size() == 2) {
      const Weight& second = program_.weights[work.products[1].weight];
      const MatMul& a = work.products[0];
      const MatMul& b = work.products[1];
      const bool same = first.type == second.type && !a.bias && !b.bias;
      const auto kept = [&](ValueId value) {
        return value != gate->out && read_from(value, step + 1);
      };
      if (same && gate->gate == a.out && gate->up == b.out && gate->out != work.in &&
          !kept(a.out) && !kept(b.out)) {
        work.gate = *gate;
        return step + 1;
      }
    }
    if (const auto* add = at<Add>(step); add != nullptr && work.products.size() == 1) {
      const ValueId out = work.products[0].out;
      const bool kept = out != add->out && read_from(out, step + 1);
      const bool clear =
          add->out != work.in && (!work.norm || add->out != work.norm->operation.out);
      if (add->b == out && add->a != out && !kept && clear) {
        work.add = *add;
        return step + 1;
      }
    }
    return step;
  }

  std::string label_of(const Products& work) const {
    std::vector<std::string> roles;
    for (const MatMul& product : work.products) {
      roles.push_back(role(program_.weights[product.weight].name));
    }
    std::vector<std::string_view> types;
    for (const MatMul& product : work.products) {
      const std::string_view type = name(program_.weights[product.weight].type);
      if (std::ranges::count(types, type) == 0) types.push_back(type);
    }
    return fmt::format("matmul {} {}", fmt::join(types, "+"), fmt::join(roles, "+"));
  }

  bool turns() {
    Turns work;
    const auto part = [&]() -> std::optional<Turns::Part> {
      Turns::Part out;
      const auto* norm = at<RmsNorm>(next_);
      const auto* rope = at<Rope>(norm != nullptr ? next_ + 1 : next_);
      if (rope == nullptr) return std::nullopt;
      if (norm != nullptr) {
        if (norm->in != norm->out || norm->in != rope->value || norm->group != rope->head_width) {
          return std::nullopt;
        }
        out.norm = *norm;
        ++next_;
      }
      out.value = rope->value;
      out.rope = *rope;
      ++next_;
      return out;
    };
    work.query = part();
    if (work.query) work.key = part();
    if (const auto* append = at<KvAppend>(next_); append != nullptr) {
      const bool plain = !work.query;
      const bool turned = work.key && work.key->value == append->key &&
                          work.key->rope->heads == program_.kv[append->kv].kv_heads &&
                          !read_from(append->key, next_ + 1);
      if (plain || turned) {
        work.append = *append;
        ++next_;
      }
    }
    if (!work.query && !work.append) return false;
    std::string label =
        work.query && work.append ? "turn, append" : (work.query ? "turn" : "append");
    const auto* attention = at<Attention>(next_);
    if (attention != nullptr && work.query && work.append &&
        attention->query == work.query->value && attention->kv == work.append->kv &&
        !read_from(attention->query, next_ + 1)) {
      work.attention = *attention;
      label = "attention";
      ++next_;
    }
    finish(work, std::move(label));
    return true;
  }

  void single() {
    const Operation& operation = program_.steps[next_++].operation;
    const std::string label(kind_name(operation));
    std::visit(
        [&](const auto& o) {
          using T = std::decay_t<decltype(o)>;
          if constexpr (std::is_constructible_v<Work, T> && !std::is_same_v<T, MatMul> &&
                        !std::is_same_v<T, Rope> && !std::is_same_v<T, KvAppend>) {
            finish(o, label);
          }
        },
        operation);
  }

  const Program& program_;
  std::size_t next_, end_;
  std::size_t first_ = 0;
  std::vector<Planned> planned_;
};

}  // namespace

std::vector<Planned> plan_segment(const Program& program, std::size_t begin, std::size_t end) {
  return Planner(program, begin, end).run();
}

}  // namespace ceiling
