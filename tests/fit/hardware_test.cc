// The catalogue's facts agree with each other and with physics, and people find what they mean.
#include "fit/hardware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"

namespace ceiling::fit {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    return "found " + find_hardware(text).name;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
}

TEST(HardwareCatalogue, NamesAreUniqueAndSourced) {
  std::set<std::string> names;
  for (const Hardware& hardware : hardware_catalogue()) {
    EXPECT_TRUE(names.insert(hardware.name).second) << hardware.name;
    EXPECT_FALSE(hardware.vendor.empty()) << hardware.name;
    EXPECT_FALSE(hardware.family.empty()) << hardware.name;
    EXPECT_FALSE(hardware.chip.empty()) << hardware.name;
    EXPECT_FALSE(hardware.source.empty()) << hardware.name;
  }
  EXPECT_GT(names.size(), 150U);
}

TEST(HardwareCatalogue, BandwidthIsWidthTimesRate) {
  std::size_t checked = 0;
  for (const Hardware& hardware : hardware_catalogue()) {
    if (!(hardware.bus_bits > 0) || !(hardware.bandwidth.value > 0)) continue;
    const double product = hardware.bus_bits * hardware.gbit_per_pin / 8;
    // Vendors round what they print ("400 GB/s" of 409.6).
    EXPECT_NEAR(product / hardware.bandwidth.gb_per_s(), 1, 0.03) << hardware.name;
    ++checked;
  }
  EXPECT_GT(checked, 150U);
}

// Bounds that nothing sold until now passes.
TEST(HardwareCatalogue, NothingIsAbovePhysics) {
  for (const Hardware& hardware : hardware_catalogue()) {
    EXPECT_LE(hardware.bandwidth.gb_per_s(), 8000) << hardware.name;
    EXPECT_LE(hardware.bus_bits, 8192) << hardware.name;
    EXPECT_LE(hardware.fp32_flops, 200e12) << hardware.name;
    EXPECT_LE(hardware.link.gb_per_s(), 450) << hardware.name;
    for (const double bytes : hardware.memory_bytes) EXPECT_LE(bytes, 513.0 * (1U << 30U));
    // A narrow bus cannot be this fast: 36 Gbit/s a pin is beyond GDDR7.
    if (hardware.bus_bits > 0) {
      EXPECT_LE(hardware.gbit_per_pin, 36) << hardware.name;
    }
    if (hardware.year > 0) {
      EXPECT_GE(hardware.year, 2012) << hardware.name;
    }
  }
}

// Matrix units of one generation do a fixed multiple of its vector rate: two facts, two sources.
TEST(HardwareCatalogue, MatrixRatesAreMultiplesOfVectorRates) {
  const std::map<std::string, double> multiple = {
      {"Turing", 8}, {"Ada", 4}, {"Ampere HBM", 16}, {"Blackwell", 4}, {"RDNA 4", 2}};
  for (const Hardware& hardware : hardware_catalogue()) {
    const auto expected = multiple.find(hardware.family);
    if (expected == multiple.end() || !(hardware.fp16_flops > 0) || !(hardware.fp32_flops > 0)) {
      continue;
    }
    EXPECT_NEAR(hardware.fp16_flops / hardware.fp32_flops / expected->second, 1, 0.03)
        << hardware.name;
  }
}

TEST(HardwareSearch, FindsWhatPeopleType) {
  const std::map<std::string, std::string> meant = {
      {"4090", "RTX 4090"},
      {"rtx4090", "RTX 4090"},
      {"RTX 4090 Laptop", "RTX 4090 Laptop"},
      {"m4 pro 20c", "Apple M4 Pro 20c"},
      {"Apple M3 Ultra 80c", "Apple M3 Ultra 80c"},
      {"strix halo", "Ryzen AI Max+ 395 (Strix Halo, Radeon 8060S)"},
      {"7900 xtx", "RX 7900 XTX"},
      {"b580", "Arc B580"},
      {"NVIDIA GeForce RTX 3060 Ti", "RTX 3060 Ti"},
      {"AMD Radeon RX 7900 XTX", "RX 7900 XTX"},
  };
  for (const auto& [text, name] : meant) EXPECT_EQ(find_hardware(text).name, name) << text;
  EXPECT_EQ(search_hardware("m4 pro").size(), 2U);
  EXPECT_TRUE(search_hardware("").empty());
}

TEST(HardwareSearch, NamesCandidatesAndTheNearestThree) {
  EXPECT_THAT(refusal("m4 pro"), HasSubstr("ambiguous: choose one of Apple M4 Pro 16c; Apple M4 "
                                           "Pro 20c"));
  const std::string unknown = refusal("RTX 4091");
  EXPECT_THAT(unknown, HasSubstr("unknown: nearest are"));
  EXPECT_THAT(unknown, HasSubstr("RTX 4090"));
  EXPECT_THAT(refusal("M4 Max 41c"), HasSubstr("Apple M4 Max 40c"));
}

TEST(HardwareCatalogue, BrokenRowsAreNamed) {
  const std::string header =
      "name,vendor,kind,family,chip,memory_gb_options,bandwidth_gb_s,fp16_tflops,fp32_tflops,"
      "pcie_gb_s,source\n";
  const auto message = [&](const std::string& row) -> std::string {
    try {
      read_hardware(header + row, "mine.csv");
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("A,V,cloud,F,C,8,100,,,,s"), HasSubstr("row 2, column 'kind' is 'cloud'"));
  EXPECT_THAT(message("A,V,cpu,F,C,8;x,100,,,,s"), HasSubstr("'memory_gb_options'"));
  EXPECT_THAT(message("A,V,cpu,F,C,8,-1,,,,s"), HasSubstr("column 'bandwidth_gb_s' is '-1'"));
  EXPECT_THAT(message("A,V,cpu,F,C,8,1,,,,s\nA,V,cpu,F,C,8,1,,,,s"),
              HasSubstr("a name of its own"));
  EXPECT_THAT(message("A,V,cpu,F,C,8,1,,,,one, two"), HasSubstr("row 2 has 12 cells: expected 11"));
  EXPECT_EQ(message("A,V,cpu,F,C,8;16,1,,,,\"one, two\""), "no error");
}

}  // namespace
}  // namespace ceiling::fit
