#include "lab/trial/device_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

// Shows its states one after another, the last one for good.
class FakeGpu final : public os::Gpu {
 public:
  FakeGpu(std::string address, std::vector<os::GpuState> states, std::optional<double> joules = {})
      : address_(std::move(address)), states_(std::move(states)), joules_(joules) {}
  std::string bus_address() const override { return address_; }
  os::GpuState state() const override { return states_[std::min(next_++, states_.size() - 1)]; }
  std::optional<double> joules() const override { return joules_; }

 private:
  std::string address_;
  std::vector<os::GpuState> states_;
  std::optional<double> joules_;
  mutable std::size_t next_ = 0;
};

os::GpuState state(double clock, bool slowed, std::uint64_t processes, std::uint64_t errors) {
  os::GpuState s;
  s.clock_mhz = clock;
  s.most_clock_mhz = 1980;
  s.temperature_c = clock / 30;
  s.slowed_down = slowed;
  s.processes = processes;
  s.uncorrected_errors = errors;
  return s;
}

DeviceWatch watch(std::vector<os::GpuState> states) {
  std::vector<std::unique_ptr<os::Gpu>> gpus;
  gpus.push_back(std::make_unique<FakeGpu>("00000000:01:00.0", std::vector{state(300, true, 9, 9)},
                                           std::optional(5.0)));
  gpus.push_back(std::make_unique<FakeGpu>("00000000:4E:00.0", std::move(states), 7.0));
  return DeviceWatch(std::move(gpus));
}

TEST(DeviceWatch, TellsOfTheDeviceThatTheTrialRanOn) {
  DeviceWatch w = watch({state(1980, false, 0, 3), state(1980, false, 1, 3),
                         state(1500, true, 1, 3), state(1740, false, 1, 4)});
  ASSERT_TRUE(w.choose("0000:4e:00.0"));
  for (int i = 0; i < 3; ++i) w.look();
  const DeviceConditions seen = *w.seen();
  EXPECT_DOUBLE_EQ(*seen.clock_mhz, 1740);
  EXPECT_EQ(seen.least_clock_mhz, 1500);
  EXPECT_EQ(seen.most_clock_mhz, 1980);
  EXPECT_EQ(seen.temperature_c, 66);
  EXPECT_DOUBLE_EQ(*seen.slowed_share, 1.0 / 3);
  EXPECT_EQ(seen.uncorrected_errors, 1);
  EXPECT_EQ(seen.other_processes, 0);  // the one that came is this one
  EXPECT_FALSE(seen.power_w);
  const nlohmann::json value = to_json(seen);
  EXPECT_EQ(to_json(device_conditions_from_json(Fields(value, "device"))), value);
}

TEST(DeviceWatch, CountsOthersThatWereThereAndThatCame) {
  DeviceWatch there = watch({state(1980, false, 2, 0), state(1980, false, 3, 0)});
  there.choose("00000000:4e:00.0");
  there.look();
  EXPECT_EQ(there.seen()->other_processes, 2);
  DeviceWatch came =
      watch({state(1980, false, 0, 0), state(1980, false, 1, 0), state(1980, false, 2, 0)});
  came.choose("00000000:4e:00.0");
  came.look();
  came.look();
  EXPECT_EQ(came.seen()->other_processes, 1);
}

TEST(DeviceWatch, OneThatTheLibraryDoesNotShowTellsNothing) {
  DeviceWatch w = watch({state(1980, false, 0, 0)});
  EXPECT_FALSE(w.choose(""));
  w.look();
  EXPECT_FALSE(w.seen());
}

TEST(DeviceWatch, EnergyIsCountedOfItsOwnDeviceAlone) {
  const auto meter = [](const char* what) {
    return os::EnergyMeter{what, [] { return std::optional(1.0); }, 0};
  };
  DeviceWatch w = watch({state(1980, false, 0, 0)});
  EXPECT_EQ(w.meters({meter("processor"), meter("GPU"), meter("GPU")}).size(), 3U);
  w.choose("00000000:4e:00.0");
  const auto meters = w.meters({meter("processor"), meter("GPU"), meter("GPU")});
  ASSERT_EQ(meters.size(), 2U);
  EXPECT_EQ(meters[1].what, "GPU");
  EXPECT_EQ(meters[1].joules(), 7.0);
}

}  // namespace
}  // namespace ceiling::lab
