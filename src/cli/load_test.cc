#include "cli/load_test.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/model.h"
#include "os/memory_map.h"
#include "probe/distribution.h"

namespace ceiling::cli {
namespace {

using Clock = std::chrono::steady_clock;

Seconds since(Clock::time_point start) {
  return {std::chrono::duration<double>(Clock::now() - start).count()};
}

Seconds step(Session& session, Token token) {
  const auto start = Clock::now();
  const std::uint32_t sequence = 0;
  session.truncate(sequence, 0);
  session.step({&sequence, 1}, {&token, 1});
  return since(start);
}

LoadTimes fresh_session(const std::string& path, const SettleSession& settle) {
  constexpr int kLaterSteps = 9;
  LoadTimes times;
  const auto start = Clock::now();
  const auto model = Model::open(path);
  Session session(model, settle(*model));
  times.ready = since(start);
  times.first_step = step(session, 0);
  std::vector<double> later;
  for (int i = 0; i < kLaterSteps; ++i) later.push_back(step(session, 0).value);
  times.later_step = {probe::Distribution(later).median()};
  return times;
}

double median(const std::vector<LoadTimes>& all, double (*value)(const LoadTimes&)) {
  std::vector<double> values;
  values.reserve(all.size());
  for (const LoadTimes& times : all) values.push_back(value(times));
  return probe::Distribution(values).median();
}

double ready(const LoadTimes& times) { return times.ready.value; }
double first_step(const LoadTimes& times) { return times.first_step.value; }
double first_by_later(const LoadTimes& times) { return times.first_by_later(); }

nlohmann::ordered_json times_json(const LoadTimes& times) {
  return {{"ready_s", times.ready.value},
          {"first_step_s", times.first_step.value},
          {"later_step_s", times.later_step.value}};
}

}  // namespace

Bytes LoadReport::read() const {
  const double share = std::max(cached_after - cached_before, 0.0);
  return {static_cast<std::uint64_t>(share * static_cast<double>(file.value))};
}

BytesPerSecond LoadReport::disk_rate() const {
  return read() / Seconds{cold.ready.value + cold.first_step.value};
}

LoadReport measure_load(const std::string& path, const SettleSession& settle, unsigned threads,
                        std::uint32_t repetitions, const std::function<bool()>& go_on) {
  LoadReport report;
  {
    const os::MappedFile file = os::MappedFile::open(path);
    report.file = {file.bytes().size()};
    file.populate(threads);
  }
  for (std::uint32_t i = 0; i < repetitions && go_on(); ++i) {
    report.warm.push_back(fresh_session(path, settle));
  }
  if (!go_on()) return report;
  os::evict_from_page_cache(path);
  const os::MappedFile file = os::MappedFile::open(path);
  report.cached_before = file.resident_share();
  report.cold = fresh_session(path, settle);
  report.cached_after = file.resident_share();
  return report;
}

std::string to_text(const LoadReport& report) {
  std::string text = fmt::format(
      "load: from the page cache ready after {}, first token {} later: {:.2f} later steps (medians "
      "of {})\n",
      format_duration({median(report.warm, ready)}),
      format_duration({median(report.warm, first_step)}), median(report.warm, first_by_later),
      report.warm.size());
  if (report.read().value == 0) {
    return text + "from the disk: the system kept the file in memory, nothing was read\n";
  }
  return text +
         fmt::format(
             "from the disk (which held {:.0f} % of the file): ready after {}, first token {} "
             "later, read at {}\n",
             100 * (1 - report.cached_before), format_duration(report.cold.ready),
             format_duration(report.cold.first_step), format_bandwidth(report.disk_rate()));
}

nlohmann::ordered_json to_json(const LoadReport& report) {
  nlohmann::ordered_json warm = nlohmann::ordered_json::array();
  for (const LoadTimes& times : report.warm) warm.push_back(times_json(times));
  return {{"file_bytes", report.file.value},
          {"warm", std::move(warm)},
          {"cold", times_json(report.cold)},
          {"cached_before", report.cached_before},
          {"cached_after", report.cached_after},
          {"disk_bytes", report.read().value},
          {"disk_gb_per_s", report.disk_rate().gb_per_s()}};
}

}  // namespace ceiling::cli
