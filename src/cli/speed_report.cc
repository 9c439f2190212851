#include "cli/speed_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "probe/distribution.h"

namespace ceiling::cli {
namespace {

using nlohmann::ordered_json;

std::vector<double> slice_rates(const SpeedReport& report) {
  std::vector<double> rates;
  for (const ThreadResult& result : report.results) {
    for (const probe::ReadSlice& slice : result.speed.slices) rates.push_back(slice.rate().value);
  }
  return rates;
}

ordered_json distribution_json(const probe::Distribution& values, double unit) {
  return {{"median", values.median() / unit},
          {"p10", values.quantile(0.1) / unit},
          {"p90", values.quantile(0.9) / unit},
          {"count", values.sorted().size()}};
}

ordered_json placement_json(const Placement& placement) {
  ordered_json segments = ordered_json::array();
  for (const Segment& segment : placement.segments) {
    segments.push_back({{"unit", segment.unit},
                        {"holds", segment.holds},
                        {"residency", name(segment.residency)},
                        {"weight_bytes", segment.weight_bytes},
                        {"kv_bytes", segment.kv_bytes}});
  }
  return segments;
}

double prediction_error(const ThreadResult& result) {
  return result.predicted->tokens_per_s() / result.speed.median_tokens_per_s() - 1;
}

ordered_json prediction_json(const ThreadResult& result) {
  ordered_json segments = ordered_json::array();
  for (const fit::PlacedTime& part : result.predicted->segments) {
    segments.push_back({{"unit", part.unit},
                        {"holds", part.holds},
                        {"residency", name(part.residency)},
                        {"bytes", part.bytes},
                        {"seconds", part.time.value}});
  }
  return {{"tokens_per_s", result.predicted->tokens_per_s()},
          {"error", prediction_error(result)},
          {"cuts_s", result.predicted->cuts.value},
          {"segments", std::move(segments)}};
}

ordered_json result_json(const ThreadResult& result) {
  const SpeedResult& speed = result.speed;
  ordered_json slices = ordered_json::array();
  for (const probe::ReadSlice& slice : speed.slices) slices.push_back(slice.rate().gb_per_s());
  ordered_json json = {
      {"test", speed.test.name()},
      {"threads", result.threads},
      {"tokens", speed.test.tokens},
      {"depth", speed.test.depth},
      {"sequences", speed.test.sequences},
      {"load_s", result.load.value},
      {"tokens_per_s",
       {{"samples", speed.tokens_per_s()}, {"median", speed.median_tokens_per_s()}}},
      {"bytes_per_token", speed.bytes_per_token()},
      {"link_bytes_per_token", speed.link_bytes_per_token()},
      {"operations_per_token", speed.cost.operations / speed.tokens()},
      {"gb_per_s", speed.read_rate().gb_per_s()},
      {"gop_per_s", speed.operations_per_s() / 1e9},
      {"mbu", speed.share_of_ceiling()},
      {"slices_gb_per_s", std::move(slices)}};
  if (result.predicted) json["prediction"] = prediction_json(result);
  return json;
}

ordered_json model_json(const SpeedReport& report) {
  const Model& model = *report.model;
  const gguf::File& file = model.file();
  return {{"name", model.display_name()},
          {"file", std::filesystem::path(file.label()).filename().string()},
          {"bytes", file.bytes().size()},
          {"sha256", report.model_sha256},
          {"architecture", model.program().architecture},
          {"weight_bytes", model.program().weight_bytes()},
          {"synthetic", model.synthetic()}};
}

// The fewest threads that come within 3 % of the best, for each test that several were tried on.
std::string knees(const std::vector<ThreadResult>& results) {
  std::map<std::string, std::map<unsigned, double>> speeds;
  for (const ThreadResult& result : results) {
    speeds[result.speed.test.name()][result.threads] = result.speed.median_tokens_per_s();
  }
  std::string text;
  for (const auto& [test, by_threads] : speeds) {
    if (by_threads.size() < 2) continue;
    double best = 0;
    for (const auto& [threads, speed] : by_threads) best = std::max(best, speed);
    const auto knee = std::ranges::find_if(
        by_threads, [&](const auto& entry) { return entry.second >= 0.97 * best; });
    text += fmt::format(
        "{}: {} all but 3 % of the best\n", test,
        knee->first == 1 ? "1 thread gives" : fmt::format("{} threads give", knee->first));
  }
  return text;
}

std::string row(const ThreadResult& result) {
  const SpeedResult& speed = result.speed;
  const probe::Distribution rates(speed.tokens_per_s());
  return fmt::format(
      "{:<18} {:>3} {:>9} {:>17} {:>8.2f} {:>8.1f} {:>7.1f}%\n", speed.test.name(), result.threads,
      format_count(rates.median()),
      fmt::format("({}-{})", format_count(rates.quantile(0)), format_count(rates.quantile(1))),
      speed.read_rate().gb_per_s(), speed.operations_per_s() / 1e9, 100 * speed.share_of_ceiling());
}

std::string spill_text(const SpeedReport& report) {
  std::string text = describe(report.placement);
  if (report.prompt_placement) text += "prompts:\n" + describe(*report.prompt_placement);
  if (!report.spill_reason.empty()) text += fmt::format("spill: {}\n", report.spill_reason);
  for (const ThreadResult& result : report.results) {
    if (result.speed.link_bytes > 0) {
      text += fmt::format(
          "{}: {} a token over the link\n", result.speed.test.name(),
          format_capacity({static_cast<std::uint64_t>(result.speed.link_bytes_per_token())}));
    }
    if (!result.predicted) continue;
    text += fmt::format("{}: {} tokens/s were predicted of the units' rates ({:+.1f} %)\n",
                        result.speed.test.name(), format_count(result.predicted->tokens_per_s()),
                        100 * prediction_error(result));
  }
  return text;
}

}  // namespace

BytesPerSecond SpeedReport::ceiling() const {
  return {probe::Distribution(slice_rates(*this)).median()};
}

std::string to_text(const SpeedReport& report) {
  const probe::Distribution ceiling(slice_rates(report));
  std::string text = fmt::format(
      "{}{}: {} on {}\n", printable(report.model->display_name(), 40),
      report.model->synthetic() ? " (synthetic weights: speed only)" : "",
      format_capacity({report.model->file().bytes().size()}), probe::one_line(report.machine));
  text += fmt::format("{:<18} {:>3} {:>9} {:>17} {:>8} {:>8} {:>8}\n", "test", "thr", "tokens/s",
                      "(least-most)", "GB/s", "Gop/s", "ceiling");
  for (const ThreadResult& result : report.results) text += row(result);
  text += knees(report.results);
  text +=
      fmt::format("ceiling: {} read over {} (middle 80 %: {:.1f}-{:.1f}), {} slices{}\n",
                  format_bandwidth({ceiling.median()}), report.probe_region,
                  ceiling.quantile(0.1) / 1e9, ceiling.quantile(0.9) / 1e9, ceiling.sorted().size(),
                  report.probe_from_memory ? "" : "; it partly fits the caches");
  text +=
      fmt::format("memory: {} resident at most, KV cache {}, buffers {}, weights copied {}\n",
                  format_capacity(report.memory.peak_resident), format_capacity({report.kv_bytes}),
                  format_capacity({report.workspace_bytes}),
                  report.copied_bytes == 0 ? "0 bytes" : format_capacity({report.copied_bytes}));
  if (report.upload.bytes.value > 0) {
    text += fmt::format("upload: {} in {}, {}\n", format_capacity(report.upload.bytes),
                        format_duration(report.upload.time),
                        format_bandwidth(report.upload.bytes / report.upload.time));
  }
  if (report.load) text += to_text(*report.load);
  if (report.placement.copied_bytes + report.placement.spilled_bytes > 0) {
    text += spill_text(report);
  }
  for (const StepProfile& profile : report.profiles) {
    text += "\n" + to_text(profile, report.ceiling());
  }
  return text;
}

ordered_json to_json(const SpeedReport& report) {
  ordered_json results = ordered_json::array();
  for (const ThreadResult& result : report.results) results.push_back(result_json(result));
  ordered_json profiles = ordered_json::array();
  for (const StepProfile& profile : report.profiles) {
    profiles.push_back(to_json(profile, report.ceiling()));
  }
  ordered_json ceiling = distribution_json(probe::Distribution(slice_rates(report)), 1e9);
  ceiling["unit"] = "GB/s";
  ceiling["threads"] = report.probe_threads;
  ceiling["kernel"] = report.probe_kernel;
  ceiling["from_memory"] = report.probe_from_memory;
  ordered_json json = {{"results", std::move(results)},
                       {"model", model_json(report)},
                       {"machine", probe::to_json(report.machine)},
                       {"ceiling", std::move(ceiling)},
                       {"device", report.options.device},
                       {"device_description", report.results.front().device},
                       {"kv", report.options.kv == KvType::f16 ? "f16" : "q8_0"},
                       {"seed", report.seed}};
  json["memory"] = {{"peak_resident_bytes", report.memory.peak_resident.value},
                    {"kv_bytes", report.kv_bytes},
                    {"workspace_bytes", report.workspace_bytes},
                    {"weights_copied_bytes", report.copied_bytes}};
  if (report.upload.bytes.value > 0) {
    json["upload"] = {{"bytes", report.upload.bytes.value},
                      {"seconds", report.upload.time.value},
                      {"gb_per_s", (report.upload.bytes / report.upload.time).gb_per_s()}};
  }
  if (report.load) json["load"] = to_json(*report.load);
  json["placement"] = placement_json(report.placement);
  if (report.prompt_placement) json["prompt_placement"] = placement_json(*report.prompt_placement);
  if (report.placement.spilled_bytes > 0) {
    json["spill"] = {{"chosen", report.spill_reason},
                     {"window_bytes", report.placement.window_bytes},
                     {"device_gb_per_s", report.rates.device.gb_per_s()},
                     {"host_gb_per_s", report.rates.host.gb_per_s()},
                     {"link_gb_per_s", report.rates.link.gb_per_s()}};
  }
  if (!profiles.empty()) json["profile"] = std::move(profiles);
  return json;
}

}  // namespace ceiling::cli
