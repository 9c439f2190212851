#include <nlohmann/json.hpp>

#include "cli/fit_report.h"

namespace ceiling::cli {
namespace {

using nlohmann::ordered_json;

ordered_json interval(const fit::Interval& i) { return ordered_json::array({i.low, i.high}); }

ordered_json prediction(const fit::Prediction& p) {
  return {{"median", p.median}, {"interval80", interval(p.p80)}, {"interval95", interval(p.p95)}};
}

ordered_json inputs(const fit::Question& q) {
  return {{"hardware", q.hardware.name},
          {"vendor", q.hardware.vendor},
          {"kind", name(q.hardware.kind)},
          {"family", q.hardware.family},
          {"bandwidth_bytes_per_s", q.hardware.bandwidth.value},
          {"memory_bytes", q.memory_bytes},
          {"host_memory_bytes", q.host.memory_bytes},
          {"host_bandwidth_bytes_per_s", q.host.bandwidth.value},
          {"backend", name(q.engine.backend)},
          {"model", q.model},
          {"type", q.type},
          {"context", q.context},
          {"prompt", q.prompt},
          {"kv", q.kv == KvType::f16 ? "f16" : "q8_0"},
          {"threads", q.engine.backend == fit::Backend::cpu
                          ? ordered_json(fit::cpu_threads(q.hardware, q.engine))
                          : ordered_json(nullptr)}};
}

ordered_json answer_json(const fit::Answer& a) {
  ordered_json out = {{"verdict", name(a.verdict)},
                      {"memory",
                       {{"usable_bytes", a.budget.usable()},
                        {"system_bytes", a.budget.system_bytes},
                        {"weight_bytes", a.need.weight_bytes},
                        {"kv_bytes", a.need.kv_bytes},
                        {"workspace_bytes", a.need.workspace_bytes},
                        {"needed_bytes", a.need.total()}}},
                      {"residency",
                       {{"shared_bytes", a.placement.shared_bytes},
                        {"copied_bytes", a.placement.copied_bytes},
                        {"spilled_bytes", a.placement.spilled_bytes}}}};
  const bool runs = a.verdict != fit::Verdict::does_not_fit;
  const auto where_it_runs = [&](const fit::Prediction& p) {
    return runs ? prediction(p) : ordered_json(nullptr);
  };
  out["tokens_per_s"] = where_it_runs(a.tokens_per_s);
  out["tokens_per_s_full_context"] = where_it_runs(a.tokens_per_s_full_context);
  out["first_token_s"] = where_it_runs(a.first_token_s);
  out["ceiling_tokens_per_s"] = a.ceiling_tokens_per_s;
  out["reading"] = runs ? ordered_json(name(a.reading)) : ordered_json(nullptr);
  out["token_s"] = {{"fixed", a.device.fixed_s},
                    {"stream", a.device.stream_s},
                    {"kv", a.device.kv_s},
                    {"spilled", a.spilled_share * a.host_token_s}};
  out["reason"] = a.reason;
  return out;
}

}  // namespace

ordered_json fit_json(const std::vector<Answered>& answers) {
  ordered_json out = ordered_json::array();
  for (const Answered& answered : answers) {
    ordered_json entry = {{"inputs", inputs(answered.question)}};
    if (!answered.learned.empty()) entry["inputs"]["speeds"] = answered.learned;
    if (!answered.source.empty()) entry["inputs"]["file"] = answered.source;
    entry.update(answer_json(answered.answer));
    out.push_back(std::move(entry));
  }
  return out;
}

ordered_json recommend_json(const std::vector<fit::Recommendation>& recommendations) {
  ordered_json out = ordered_json::array();
  for (const fit::Recommendation& r : recommendations) {
    ordered_json entry = {{"use", r.use},
                          {"type", r.type.empty() ? ordered_json(nullptr) : ordered_json(r.type)},
                          {"why", r.why},
                          {"quality", r.quality}};
    if (!r.type.empty()) entry.update(answer_json(r.answer));
    out.push_back(std::move(entry));
  }
  return out;
}

ordered_json compare_json(const std::vector<fit::Curve>& curves) {
  ordered_json out = ordered_json::array();
  for (const fit::Curve& curve : curves) {
    ordered_json points = ordered_json::array();
    for (const fit::CurvePoint& point : curve.points) {
      ordered_json entry = {
          {"shape", point.shape}, {"billions", point.billions}, {"type", point.type}};
      entry.update(answer_json(point.answer));
      points.push_back(std::move(entry));
    }
    ordered_json spills = ordered_json::array();
    for (const auto& spill : curve.spills) {
      spills.push_back({{"type", spill.type}, {"billions", spill.billions}});
    }
    out.push_back({{"hardware", curve.machine.hardware.name},
                   {"memory_bytes", curve.machine.memory_bytes},
                   {"points", std::move(points)},
                   {"spills_from", std::move(spills)}});
  }
  return out;
}

}  // namespace ceiling::cli
