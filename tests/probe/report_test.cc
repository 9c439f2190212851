// What `ceiling probe` says: to people, to programs, and about how far to trust it.
#include "probe/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"

namespace ceiling::probe {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

BandwidthReading reading(unsigned threads, double gb_per_s) {
  return {.threads = threads,
          .region = {kGiB},
          .kernel = "imaginary",
          .from_memory = true,
          .gb_per_s = Distribution({0.98 * gb_per_s, gb_per_s, 1.02 * gb_per_s})};
}

// Two quiet seconds on a machine with two processors.
Report quiet() {
  Report report;
  report.machine.cpu.model = "Imaginary 9000";
  report.machine.cpu.usable = {0, 1};
  report.machine.cpu.physical_cores = 2;
  report.machine.cpu.performance_cores = 2;
  report.machine.cpu.last_level_bytes = 32 << 20;
  report.machine.memory.total = {16 * kGiB};
  report.machine.memory.available = {15 * kGiB};
  report.machine.system.os = "Imaginary OS";
  report.before.monotonic_s = 100;
  report.after.monotonic_s = 102;
  report.wanted_region = {kGiB};
  report.memory = {reading(1, 30), reading(2, 42.9496)};
  report.compute = {{Arithmetic::f32, "fma", 1, Distribution({115})},
                    {Arithmetic::f32, "fma", 2, Distribution({230})}};
  return report;
}

std::string warning_about(const std::function<void(Report&)>& change) {
  Report report = quiet();
  change(report);
  const auto found = warnings_of(report);
  EXPECT_LE(found.size(), 1U);
  if (found.empty()) return "none";
  EXPECT_FALSE(found[0].remedy.empty());
  return found[0].what;
}

TEST(Warnings, AQuietMachineHasNone) { EXPECT_THAT(warnings_of(quiet()), IsEmpty()); }

TEST(Warnings, ReadingsThatDifferAreNoted) {
  EXPECT_THAT(
      warning_about([](Report& r) { r.memory[1].gb_per_s = Distribution({30, 36, 40, 44, 50}); }),
      HasSubstr("differ by 38 %"));
}

TEST(Warnings, StealAndOthersCountAsAShareOfAllProcessorsTime) {
  EXPECT_THAT(warning_about([](Report& r) {
                r.before.steal_s = 5;
                r.after.steal_s = 5.2;
              }),
              HasSubstr("took 5.0 %"));
  EXPECT_EQ(warning_about([](Report& r) {
              r.before.steal_s = 5;
              r.after.steal_s = 5.02;
            }),
            "none");
  EXPECT_THAT(warning_about([](Report& r) {
                r.before.busy_others_s = 10;
                r.after.busy_others_s = 12;
              }),
              HasSubstr("used 50 %"));
  EXPECT_EQ(warning_about([](Report& r) { r.after.steal_s = 5; }), "none") << "one snapshot only";
}

TEST(Warnings, SwappingHeatAndClocks) {
  EXPECT_THAT(warning_about([](Report& r) {
                r.before.swap_in_pages = 1;
                r.after.swap_in_pages = 2;
              }),
              HasSubstr("swapped-out"));
  EXPECT_THAT(warning_about([](Report& r) {
                r.before.throttle_events = 1;
                r.after.throttle_events = 2;
                r.after.temperature_c = 99;
              }),
              HasSubstr("heat"));
  EXPECT_THAT(warning_about([](Report& r) { r.after.temperature_c = 95; }),
              HasSubstr("95 degrees"));
  EXPECT_THAT(warning_about([](Report& r) { r.machine.cpu.governor = "powersave"; }),
              HasSubstr("'powersave'"));
  EXPECT_EQ(warning_about([](Report& r) { r.machine.cpu.governor = "performance"; }), "none");
}

TEST(Warnings, RegionsThatCachesCanHold) {
  EXPECT_THAT(warning_about([](Report& r) { r.wanted_region = {2 * kGiB}; }),
              HasSubstr("over 1.00 GiB only, of 2.00 GiB"));
  EXPECT_THAT(warning_about([](Report& r) {
                r.file = FileReading{"/m.gguf", {90 << 20}, reading(2, 50)};
                r.file->bandwidth.from_memory = false;
              }),
              HasSubstr("the file (90.0 MiB) is small beside the caches (32.0 MiB)"));
}

TEST(Warnings, AQuotaBelowTheThreads) {
  EXPECT_THAT(warning_about([](Report& r) { r.machine.cpu.quota_cores = 1.5; }),
              HasSubstr("limits this process to 1.5 cores"));
  EXPECT_EQ(warning_about([](Report& r) { r.machine.cpu.quota_cores = 2; }), "none");
}

TEST(Text, AnswersFirstAndStaysWithin80Columns) {
  Report report = quiet();
  report.file =
      FileReading{"/a/very-long-name-of-a-model-file-Q4_K_M.gguf", {kGiB}, reading(2, 41)};
  report.warnings = {
      {"something moved by quite a lot while this machine was being measured just now",
       "wait until it has stopped, and then measure once more"}};
  const std::string text = to_text(report, false);
  EXPECT_THAT(
      text,
      testing::StartsWith(
          "This machine reads 42.9 GB/s from memory with 2 threads (mostly 42.2 to 43.7).\n"));
  EXPECT_THAT(text, HasSubstr("\n  40.0 with 1 GiB, 10.0 with 4 GiB, 2.50 with 16 GiB.\n"));
  EXPECT_THAT(text, Not(HasSubstr("64 GiB"))) << "larger than the memory";
  EXPECT_THAT(text, Not(HasSubstr("\033"))) << "colour was not asked for";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_THAT(to_text(report, true), testing::StartsWith("\033[1mThis machine"));
}

TEST(Json, HoldsEveryReadingAndNullForWhatIsNotShown) {
  Report report = quiet();
  report.after.steal_s = 1.5;
  const auto json = nlohmann::json::parse(to_json(report).dump());
  EXPECT_EQ(json["schema"], "ceiling.probe.1");
  EXPECT_EQ(json["bandwidth"].size(), 2U);
  EXPECT_EQ(json["bandwidth"][1]["threads"], 2);
  EXPECT_DOUBLE_EQ(json["bandwidth"][1]["gb_per_s"]["median"], 42.9496);
  EXPECT_EQ(json["bandwidth"][1]["gb_per_s"]["sorted"].size(), 3U);
  EXPECT_EQ(json["compute"][1]["arithmetic"], "float32");
  EXPECT_EQ(json["conditions"]["before"]["steal_s"], nullptr);
  EXPECT_EQ(json["conditions"]["after"]["steal_s"], 1.5);
  EXPECT_EQ(json["machine"]["quota_cores"], nullptr);
  EXPECT_EQ(json["machine"]["last_level_bytes"], 32 << 20);
}

UnitReading unit() {
  return {.device = "vulkan",
          .name = "A graphics processor whose name goes on and on",
          .driver = "imaginary 1.0",
          .host_memory = true,
          .software = false,
          .failure = "",
          .gb_per_s = Distribution({40}),
          .beside_cpu = Distribution({22}),
          .cpu_beside_it = Distribution({21})};
}

TEST(Text, TellsWhatOtherUnitsRead) {
  Report report = quiet();
  report.units = {unit(), unit()};
  report.units[1].failure = "vulkan: the device is lost: start again, and see the system's log";
  const std::string text = to_text(report, false);
  EXPECT_THAT(text, HasSubstr("vulkan: A graphics"));
  EXPECT_THAT(text, HasSubstr("while the CPU reads too"));
  EXPECT_THAT(text, HasSubstr("the device is lost"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 82U) << line;
}

TEST(Json, HoldsOtherUnitsAndWhatIsLeftToEach) {
  Report report = quiet();
  report.units = {unit()};
  const auto json = nlohmann::json::parse(to_json(report).dump());
  EXPECT_EQ(json["units"][0]["gb_per_s"]["median"], 40);
  EXPECT_EQ(json["units"][0]["both_at_once"]["cpu_gb_per_s"]["median"], 21);
  report.units[0].host_memory = false;
  EXPECT_FALSE(to_json(report)["units"][0].contains("both_at_once"));
}

TEST(Json, DoesNotNameTheHost) {
  Report report = quiet();
  report.machine.system.host = "secret-host";
  EXPECT_THAT(to_json(report).dump(), Not(HasSubstr("secret-host")));
}

TEST(Run, RefusesMoreThreadsThanProcessorsAndAMissingFile) {
  Options options;
  options.threads = 100'000;
  try {
    run(options);
    FAIL() << "ran with 100000 threads";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("give 1 to"));
  }
  options = {.file = "/no/such.gguf"};
  try {
    run(options);
    FAIL() << "read a missing file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("/no/such.gguf"));
  }
}

TEST(Measure, ReadsAtLeastNineSlicesOfTheRegion) {
  const os::AnonymousMemory memory = filled_memory({(3 << 20) + 5000}, 2);
  EXPECT_EQ(memory.data()[(3 << 20) + 4999], std::byte{4});
  const BandwidthReading small = measure_bandwidth({memory.data(), memory.size()}, 2, {0});
  EXPECT_EQ(small.threads, 2U);
  EXPECT_EQ(small.gb_per_s.sorted().size(), 9U);
  EXPECT_GT(small.gb_per_s.median(), 0.1);
  EXPECT_EQ(small.region.value, memory.size());
}

TEST(Measure, ComputeCoversTheArithmeticsOfTheActiveSet) {
  const auto readings = measure_compute(2, {0});
  ASSERT_EQ(readings.size(), compute_kernels().size());
  for (const ComputeReading& r : readings) {
    EXPECT_EQ(r.threads, 2U);
    EXPECT_GT(r.gop_per_s.median(), 0.01);
  }
}

TEST(MachineTest, IsThisOne) {
  const Machine machine = describe_machine();
  EXPECT_EQ(machine.isa, active_isa());
  EXPECT_THAT(one_line(machine), HasSubstr(machine.cpu.model));
  EXPECT_EQ(to_json(machine)["usable_processors"], machine.cpu.usable.size());
}

}  // namespace
}  // namespace ceiling::probe
