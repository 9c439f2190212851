// What any device must do, whatever it computes with: the suite of any_device_test.cc, which each
// device's own tests instantiate.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "device/device.h"

namespace ceiling::test {

struct DeviceUnderTest {
  std::string name;                               // letters and digits: of the tests
  std::function<std::shared_ptr<Device>()> make;  // an Error skips the test, with its reason
  // Distances (tiny_runs.h) from the float32 oracle, in small models of float32 weights ...
  double float32 = 4e-3;
  // ... and of this type, in chunks of so many rows.
  std::function<double(const TypeInfo& type, std::size_t rows)> of_type;
  double same = 2e-3;  // between two ways to the same result: other chunks, another cut
  bool quantised_cache = true;
  bool copies_weights = false;
  // Names of the suite's tests that run with it: what it changes of another device that runs all of
  // them. Empty: all.
  std::vector<std::string> only = {};
};

inline std::ostream& operator<<(std::ostream& out, const DeviceUnderTest& device) {
  return out << device.name;
}

class AnyDevice : public testing::TestWithParam<DeviceUnderTest> {
 protected:
  void SetUp() override {
    if (!concerned()) GTEST_SKIP() << "another device runs the same here";
    try {
      device = GetParam().make();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  std::shared_ptr<Device> device;

 private:
  static bool concerned() {
    const auto& only = GetParam().only;
    const std::string whole = testing::UnitTest::GetInstance()->current_test_info()->name();
    return only.empty() || std::ranges::count(only, whole.substr(0, whole.find('/'))) > 0;
  }
};

// Those of its `only` that are no test of the suite.
inline std::vector<std::string> unknown_tests(const DeviceUnderTest& device) {
  std::vector<std::string> out = device.only;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    if (!std::string_view(suite.name()).ends_with("/AnyDevice")) continue;
    for (int t = 0; t < suite.total_test_count(); ++t) {
      const std::string name = suite.GetTestInfo(t)->name();
      std::erase(out, name.substr(0, name.find('/')));
    }
  }
  return out;
}

inline std::string name_of(const testing::TestParamInfo<DeviceUnderTest>& info) {
  return info.param.name;
}

}  // namespace ceiling::test
