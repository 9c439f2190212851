#include "cli/step_profile.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

namespace ceiling::cli {
namespace {

constexpr std::uint32_t kProfiledSteps = 16;

double per_second(double count, Seconds time) { return time.value > 0 ? count / time.value : 0; }

double share_of(double rate, BytesPerSecond ceiling) {
  return ceiling.value > 0 ? rate / ceiling.value : 0;
}

}  // namespace

double StepProfile::accounted() const {
  Seconds explained;
  for (const ProfileEntry& entry : entries) explained = explained + entry.time;
  return time.value > 0 ? explained.value / time.value : 0;
}

StepProfile profile_steps(Session& session, const SpeedTest& test, std::uint64_t seed) {
  StepProfile profile;
  profile.test = test;
  if (test.kind == SpeedTest::Kind::decode) {
    profile.test.tokens = std::min(test.tokens, kProfiledSteps);
  }
  SpeedRun run(session, profile.test, seed, [] { return true; });
  run.prepare();
  profile.steps = run.steps();
  Executable& executable =
      session.executable_of(test.kind == SpeedTest::Kind::prompt ? test.tokens : 1);
  executable.reset_profile();
  executable.set_profiling(true);
  profile.time = *run.repeat({});
  profile.entries = executable.profile();
  executable.set_profiling(false);
  std::ranges::sort(profile.entries, std::greater{},
                    [](const ProfileEntry& entry) { return entry.time; });
  return profile;
}

std::string to_text(const StepProfile& profile, BytesPerSecond ceiling) {
  std::string text =
      fmt::format("{}: where a step of {} goes\n{:<30} {:>9} {:>6} {:>9} {:>8} {:>8}\n",
                  profile.test.name(), format_duration({profile.time.value / profile.steps}),
                  "operation", "ms", "time", "GB/s", "ceiling", "Gop/s");
  for (const ProfileEntry& entry : profile.entries) {
    const double rate = per_second(static_cast<double>(entry.bytes), entry.time);
    text += fmt::format(
        "{:<30} {:>9.3f} {:>5.1f}% {:>9.2f} {:>7.0f}% {:>8.1f}\n", entry.label,
        1e3 * entry.time.value / profile.steps, 100 * per_second(entry.time.value, profile.time),
        rate / 1e9, 100 * share_of(rate, ceiling), per_second(entry.operations, entry.time) / 1e9);
  }
  return text + fmt::format("{:.1f} % of the time accounted for\n", 100 * profile.accounted());
}

nlohmann::ordered_json to_json(const StepProfile& profile, BytesPerSecond ceiling) {
  const double steps = profile.steps;
  nlohmann::ordered_json kinds = nlohmann::ordered_json::array();
  for (const ProfileEntry& entry : profile.entries) {
    const double rate = per_second(static_cast<double>(entry.bytes), entry.time);
    kinds.push_back({{"label", entry.label},
                     {"calls_per_step", static_cast<double>(entry.calls) / steps},
                     {"seconds_per_step", entry.time.value / steps},
                     {"share_of_time", per_second(entry.time.value, profile.time)},
                     {"bytes_per_step", static_cast<double>(entry.bytes) / steps},
                     {"operations_per_step", entry.operations / steps},
                     {"gb_per_s", rate / 1e9},
                     {"gop_per_s", per_second(entry.operations, entry.time) / 1e9},
                     {"share_of_ceiling", share_of(rate, ceiling)}});
  }
  return {{"test", profile.test.name()},
          {"steps", profile.steps},
          {"seconds_per_step", profile.time.value / steps},
          {"accounted", profile.accounted()},
          {"operations", std::move(kinds)}};
}

}  // namespace ceiling::cli
