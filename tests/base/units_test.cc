#include "base/units.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace ceiling {
namespace {

TEST(FormatCapacity, UsesBinaryUnitsAndThreeFigures) {
  EXPECT_EQ(format_capacity({0}), "0 bytes");
  EXPECT_EQ(format_capacity({1023}), "1023 bytes");
  EXPECT_EQ(format_capacity({1024}), "1.00 KiB");
  EXPECT_EQ(format_capacity({3822520893}), "3.56 GiB");
  EXPECT_EQ(format_capacity({std::uint64_t{24} << 30}), "24.0 GiB");
  EXPECT_EQ(format_capacity({(std::uint64_t{1} << 30) - 1}), "1.00 GiB");
  EXPECT_EQ(format_capacity({std::uint64_t{512} << 20}), "512 MiB");
}

TEST(FormatBandwidth, UsesDecimalUnits) {
  EXPECT_EQ(format_bandwidth({38.2e9}), "38.2 GB/s");
  EXPECT_EQ(format_bandwidth({4530e9}), "4530 GB/s");
  EXPECT_EQ(format_bandwidth({9.83e9}), "9.83 GB/s");
}

TEST(FormatDuration, PicksTheUnitThatAPersonReads) {
  EXPECT_EQ(format_duration({0}), "0 s");
  EXPECT_EQ(format_duration({0.412}), "412 ms");
  EXPECT_EQ(format_duration({1.5e-6}), "1.50 us");
  EXPECT_EQ(format_duration({20e-9}), "20.0 ns");
  EXPECT_EQ(format_duration({12.34}), "12.3 s");
  EXPECT_EQ(format_duration({200}), "3 min 20 s");
  EXPECT_EQ(format_duration({59.97}), "1 min 0 s");
  EXPECT_EQ(format_duration({7260}), "2 h 1 min");
  EXPECT_EQ(format_duration({-0.002}), "-2.00 ms");
}

TEST(FormatCount, KeepsThreeFigures) {
  EXPECT_EQ(format_count(9.83), "9.83");
  EXPECT_EQ(format_count(9.999), "10.0");
  EXPECT_EQ(format_count(98.25), "98.2");
  EXPECT_EQ(format_count(1240.4), "1240");
  EXPECT_EQ(format_count(0.1234), "0.123");
  EXPECT_EQ(format_count(0.0456), "0.0456");
  EXPECT_EQ(format_count(0), "0.00");
}

TEST(ParseCapacity, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_capacity("24GiB").value, std::uint64_t{24} << 30);
  EXPECT_EQ(parse_capacity("512 MiB").value, std::uint64_t{512} << 20);
  EXPECT_EQ(parse_capacity("8G").value, std::uint64_t{8} << 30);
  EXPECT_EQ(parse_capacity("1.5g").value, std::uint64_t{3} << 29);
  EXPECT_EQ(parse_capacity("1000000").value, 1000000U);
  EXPECT_EQ(parse_capacity("0").value, 0U);
}

TEST(ParseCapacity, RefusesWhatIsNoAmountAndNamesIt) {
  for (const char* text :
       {"", "GiB", "-1G", "1.2.3G", ".", "12 parsecs", "1e9", "99999999999999999999",
        "9223372036854775807G", "17179869184T", "nan", " 8G"}) {
    try {
      parse_capacity(text);
      FAIL() << "accepted '" << text << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos);
    }
  }
}

TEST(Units, DivisionOfBytesByTimeIsARate) {
  EXPECT_DOUBLE_EQ((Bytes{2'000'000'000} / Seconds{0.5}).gb_per_s(), 4.0);
}

}  // namespace
}  // namespace ceiling
