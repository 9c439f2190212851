#include "fit/workload.h"

#include <algorithm>
#include <variant>

namespace ceiling::fit {
namespace {

bool has_experts(const Program& program) {
  return std::ranges::any_of(program.steps, [](const Step& step) {
    return std::holds_alternative<Route>(step.operation);
  });
}

}  // namespace

DecodeWork decode_work(const Program& program, TypeClass type, std::uint32_t depth,
                       std::uint32_t count, KvType kv, double file_scale) {
  const Cost mean = mean_decode_cost(program, depth, count, kv);
  // At the first position attention is a rounding error beside the products.
  const double operations = cost(program, shape_batch(0, 1), kv).operations;
  return {.layers = static_cast<double>(program.layers),
          .weight_bytes = static_cast<double>(mean.weight_bytes) * file_scale,
          .kv_bytes = static_cast<double>(mean.kv_read_bytes),
          .weights = operations / 2,
          .type = type,
          .experts = has_experts(program)};
}

PrefillWork prefill_work(const Program& program, TypeClass type, std::uint32_t depth,
                         std::uint32_t tokens, double file_scale) {
  PrefillWork work{.tokens = static_cast<double>(tokens),
                   .layers = static_cast<double>(program.layers),
                   .type = type,
                   .experts = has_experts(program)};
  const auto costs = cost_by_step(program, shape_batch(depth, tokens));
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const bool attention = std::holds_alternative<Attention>(program.steps[i].operation);
    (attention ? work.attention_operations : work.linear_operations) += costs[i].operations;
    work.weight_bytes += static_cast<double>(costs[i].weight_bytes) * file_scale;
  }
  return work;
}

}  // namespace ceiling::fit
