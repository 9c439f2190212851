// What any device must do, whatever it computes with: the suite of any_device_test.cc, which each
// device's own tests instantiate.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

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
  bool experts = true;
  bool copies_weights = false;
};

inline std::ostream& operator<<(std::ostream& out, const DeviceUnderTest& device) {
  return out << device.name;
}

class AnyDevice : public testing::TestWithParam<DeviceUnderTest> {
 protected:
  void SetUp() override {
    try {
      device = GetParam().make();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  std::shared_ptr<Device> device;
};

inline std::string name_of(const testing::TestParamInfo<DeviceUnderTest>& info) {
  return info.param.name;
}

}  // namespace ceiling::test
