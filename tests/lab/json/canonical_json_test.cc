#include "lab/json/canonical_json.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"

namespace ceiling::lab {
namespace {

std::string canonical(const std::string& text) { return canonical_json(parse_json(text, "test")); }

double from_bits(std::uint64_t bits) {
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// RFC 8785, appendix B: the samples of number serialisation.
TEST(CanonicalNumber, RfcAppendixB) {
  const std::pair<std::uint64_t, const char*> samples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : samples) EXPECT_EQ(canonical_number(from_bits(bits)), text);
  EXPECT_THROW(canonical_number(from_bits(0x7ff0000000000000)), Error);
  EXPECT_THROW(canonical_number(from_bits(0x7fffffffffffffff)), Error);
}

// RFC 8785, section 3.2.2 (values) and 3.2.3 (the order of names by UTF-16 units).
TEST(CanonicalJson, RfcExamples) {
  EXPECT_EQ(canonical(R"({
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]})"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  EXPECT_EQ(canonical(R"({"\u20ac": "Euro Sign", "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"})"),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\","
            "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
            "\"\U0001F600\":\"Emoji: Grinning Face\","
            "\"\uFB33\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST(CanonicalJson, ReadingItBackGivesTheSameText) {
  for (const char* text : {R"({"a":[1,-1,0.1,1e+300,123456789012345],"b":{"c":""}})", "[]", "{}",
                           "10000000000000000000", "9007199254740994"}) {
    EXPECT_EQ(canonical(text), text);
  }
}

TEST(CanonicalJson, RefusesWhatTheRfcCannotCarry) {
  EXPECT_THROW(canonical_json(nlohmann::json(std::int64_t{9007199254740993})), Error);
  EXPECT_THROW(canonical_json(nlohmann::json(UINT64_MAX)), Error);
  EXPECT_THROW(canonical_json(nlohmann::json("\xff")), Error);
  EXPECT_THROW(canonical_json(nlohmann::json("\xed\xa0\x80")), Error);  // a lone surrogate
}

TEST(ParseJson, RefusesDuplicatesDepthAndBadSyntax) {
  EXPECT_THROW(parse_json(R"({"a":1,"a":2})", "t"), Error);
  EXPECT_NO_THROW(parse_json(R"([{"a":1},{"a":2,"b":{"a":3}}])", "t"));
  EXPECT_THROW(parse_json(std::string(1000, '['), "t"), Error);
  EXPECT_THROW(parse_json(std::string(100, '[') + std::string(100, ']'), "t"), Error);
  EXPECT_THROW(parse_json("{", "t"), Error);
  EXPECT_THROW(parse_json("", "t"), Error);
  EXPECT_THROW(parse_json("{} {}", "t"), Error);
  EXPECT_THROW(parse_json("1e999", "t"), Error);
  EXPECT_THROW(parse_json("\"\xc3\x28\"", "t"), Error);
  try {
    parse_json("[1,]", "plan.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    EXPECT_NE(std::string(error.what()).find("plan.json"), std::string::npos);
  }
}

}  // namespace
}  // namespace ceiling::lab
