// Published rows against the model: errors, coverage, and the JSON that carries them.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "fit/published.h"

namespace ceiling::fit {
namespace {

using nlohmann::ordered_json;

bool is_prefill(const PublishedRow& row) {
  return std::holds_alternative<PrefillWork>(row.workload->work);
}

bool has_experts(const PublishedRow& row) {
  return std::visit([](const auto& work) { return work.experts; }, row.workload->work);
}

Prediction predict(const Workload& workload, const SpeedModel& model) {
  if (const auto* decode = std::get_if<DecodeWork>(&workload.work)) {
    return model.decode(*workload.hardware, workload.engine, *decode).tokens_per_s;
  }
  return model.prefill(*workload.hardware, workload.engine, std::get<PrefillWork>(workload.work))
      .tokens_per_s;
}

// The value below which `share` of the weight lies.
double weighted_quantile(std::vector<std::pair<double, double>> values, double share) {
  std::ranges::sort(values);
  double all = 0;
  for (const auto& [value, weight] : values) all += weight;
  double below = 0;
  for (const auto& [value, weight] : values) {
    below += weight;
    if (below >= share * all) return value;
  }
  return values.empty() ? 0 : values.back().first;
}

bool inside(double value, const Interval& interval) {
  return value >= interval.low && value <= interval.high;
}

// Width of the interval, and what missing it costs (Gneiting and Raftery 2007), of logarithms.
double interval_score(double measured, const Interval& interval, double alpha) {
  const double low = std::log(interval.low);
  const double high = std::log(interval.high);
  const double value = std::log(measured);
  return (high - low) + 2 / alpha * (std::max(0.0, low - value) + std::max(0.0, value - high));
}

ordered_json interval_json(const Interval& interval) {
  return ordered_json::array({interval.low, interval.high});
}

ordered_json summary_json(const PhaseSummary& summary) {
  return {{"rows", summary.rows},
          {"devices", summary.devices},
          {"median_error", summary.median_error},
          {"p90_error", summary.p90_error},
          {"coverage80", summary.coverage80},
          {"coverage80_sampling_error", summary.coverage80_error},
          {"coverage95", summary.coverage95},
          {"coverage95_sampling_error", summary.coverage95_error},
          {"interval_score80", summary.interval_score80}};
}

ordered_json work_json(const DecodeWork& work) {
  return {
      {"phase", "decode"},         {"layers", work.layers},   {"weight_bytes", work.weight_bytes},
      {"kv_bytes", work.kv_bytes}, {"weights", work.weights}, {"type", name(work.type)},
      {"experts", work.experts}};
}

ordered_json work_json(const PrefillWork& work) {
  return {{"phase", "prefill"},
          {"tokens", work.tokens},
          {"layers", work.layers},
          {"linear_operations", work.linear_operations},
          {"attention_operations", work.attention_operations},
          {"weight_bytes", work.weight_bytes},
          {"type", name(work.type)},
          {"experts", work.experts}};
}

}  // namespace

double JudgedRow::error() const { return predicted->median / *row->measured - 1; }

std::vector<JudgedRow> judge(const Published& published, const SpeedModel& model) {
  std::vector<JudgedRow> out;
  for (const PublishedRow& row : published.rows) {
    JudgedRow judged{.row = &row, .predicted = {}, .reason = row.reason};
    if (row.workload) {
      const Phase phase = is_prefill(row) ? Phase::prefill : Phase::decode;
      judged.reason = model.unknown(phase, *row.workload->hardware, row.workload->engine);
      if (judged.reason.empty()) judged.predicted = predict(*row.workload, model);
    }
    out.push_back(judged);
  }
  return out;
}

PhaseSummary summarise(const std::vector<JudgedRow>& rows, bool prefill, bool experts) {
  std::map<std::string, std::vector<const JudgedRow*>> devices;
  PhaseSummary out;
  for (const JudgedRow& judged : rows) {
    if (!judged.predicted || is_prefill(*judged.row) != prefill ||
        has_experts(*judged.row) != experts) {
      continue;
    }
    devices[judged.row->workload->hardware->name].push_back(&judged);
    ++out.rows;
  }
  out.devices = devices.size();
  if (devices.empty()) return out;
  std::vector<std::pair<double, double>> errors;
  const auto count = static_cast<double>(devices.size());
  double square80 = 0;
  double square95 = 0;
  for (const auto& [hardware, of_device] : devices) {
    const double weight = 1 / static_cast<double>(of_device.size());
    double in80 = 0;
    double in95 = 0;
    for (const JudgedRow* judged : of_device) {
      errors.emplace_back(std::abs(judged->error()), weight);
      in80 += inside(*judged->row->measured, judged->predicted->p80) ? weight : 0;
      in95 += inside(*judged->row->measured, judged->predicted->p95) ? weight : 0;
      out.interval_score80 +=
          interval_score(*judged->row->measured, judged->predicted->p80, 0.2) * weight / count;
    }
    out.coverage80 += in80 / count;
    out.coverage95 += in95 / count;
    square80 += in80 * in80 / count;
    square95 += in95 * in95 / count;
  }
  out.coverage80_error =
      std::sqrt(std::max(0.0, square80 - out.coverage80 * out.coverage80) / count);
  out.coverage95_error =
      std::sqrt(std::max(0.0, square95 - out.coverage95 * out.coverage95) / count);
  out.median_error = weighted_quantile(errors, 0.5);
  out.p90_error = weighted_quantile(errors, 0.9);
  return out;
}

ordered_json to_json(const Published& published, const std::vector<JudgedRow>& rows) {
  ordered_json out;
  out["rows"] = ordered_json::array();
  std::size_t predicted = 0;
  for (const JudgedRow& judged : rows) {
    const PublishedRow& row = *judged.row;
    ordered_json entry = {{"row", row.number},
                          {"hardware", row.names.hardware},
                          {"engine", row.names.engine},
                          {"model", row.names.model},
                          {"quant", row.names.quant},
                          {"test", row.names.test},
                          {"measured", nullptr},
                          {"predicted", nullptr},
                          {"interval80", nullptr},
                          {"interval95", nullptr},
                          {"error", nullptr}};
    if (row.measured) entry["measured"] = *row.measured;
    if (judged.predicted) {
      ++predicted;
      entry["predicted"] = judged.predicted->median;
      entry["interval80"] = interval_json(judged.predicted->p80);
      entry["interval95"] = interval_json(judged.predicted->p95);
      entry["error"] = judged.error();
    } else {
      entry["reason"] = judged.reason;
    }
    out["rows"].push_back(std::move(entry));
  }
  ordered_json broken = ordered_json::array();
  for (const BrokenCell& cell : published.broken) {
    broken.push_back({{"row", cell.row},
                      {"column", cell.column},
                      {"value", cell.value},
                      {"expected", cell.expected}});
  }
  out["summary"] = {{"rows", rows.size()},
                    {"predicted", predicted},
                    {"decode", summary_json(summarise(rows, false, false))},
                    {"prefill", summary_json(summarise(rows, true, false))},
                    {"decode_experts", summary_json(summarise(rows, false, true))},
                    {"prefill_experts", summary_json(summarise(rows, true, true))},
                    {"broken_cells", std::move(broken)}};
  return out;
}

ordered_json workloads_json(const Published& published) {
  ordered_json rows = ordered_json::array();
  for (const PublishedRow& row : published.rows) {
    if (!row.workload) continue;
    const Workload& workload = *row.workload;
    const Hardware& hardware = *workload.hardware;
    const Engine& engine = workload.engine;
    rows.push_back(
        {{"row", row.number},
         {"hardware", hardware.name},
         {"chip", hardware.chip},
         {"vendor", vendor_group(hardware, engine)},
         {"family", family_group(hardware, engine)},
         {"spread", spread_group(hardware, engine)},
         {"bandwidth", hardware.bandwidth.value},
         {"unpack_flops", unpack_flops(hardware, engine)},
         {"matrix_flops", matrix_flops(hardware, engine)},
         {"threads", engine.backend == Backend::cpu ? cpu_threads(hardware, engine) : 0},
         {"engine", row.names.engine},
         {"backend", name(engine.backend)},
         {"flash_attention", engine.flash_attention},
         {"year", engine.year},
         {"build", build_step(engine.year)},
         {"youth", backend_youth(engine)},
         {"model", row.names.model},
         {"counted_as", workload.model},
         {"quant", row.names.quant},
         {"test", row.names.test},
         {"sized", workload.sized},
         {"measured", *row.measured},
         {"work", std::visit([](const auto& w) { return work_json(w); }, workload.work)}});
  }
  return rows;
}

}  // namespace ceiling::fit
