#include "gguf/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace ceiling::gguf {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Property;
using testing::Throws;

auto refused(const std::string& key, const std::string& stored, const std::string& expected) {
  return Throws<Error>(
      AllOf(Property(&Error::code, ExitCode::integrity),
            Property(&Error::what, AllOf(HasSubstr("m.gguf"), HasSubstr("'" + key + "'"),
                                         HasSubstr(stored), HasSubstr(expected)))));
}

Metadata sample() {
  Metadata keys("m.gguf");
  keys.insert("small", {ValueType::u8, std::uint64_t{7}});
  keys.insert("signed", {ValueType::i32, std::int64_t{9}});
  keys.insert("negative", {ValueType::i64, std::int64_t{-1}});
  keys.insert("large", {ValueType::u64, std::uint64_t{1} << 32});
  keys.insert("real", {ValueType::f32, 0.5});
  keys.insert("infinite", {ValueType::f32, std::numeric_limits<double>::infinity()});
  keys.insert("flag", {ValueType::boolean, true});
  keys.insert("text", {ValueType::string, std::string_view("a\x1b")});
  keys.insert("layers", {ValueType::array, Array{ValueType::i32, std::vector<std::int64_t>{4, 5}}});
  keys.insert("bad layers",
              {ValueType::array, Array{ValueType::i32, std::vector<std::int64_t>{4, -5}}});
  keys.insert("scores", {ValueType::array, Array{ValueType::f32, std::vector<double>{1, -0.5}}});
  keys.insert("nan", {ValueType::array,
                      Array{ValueType::f32,
                            std::vector<double>{std::numeric_limits<double>::quiet_NaN()}}});
  keys.insert("words", {ValueType::array,
                        Array{ValueType::string, std::vector<std::string_view>{"x", "y"}}});
  return keys;
}

TEST(Metadata, AbsentKeysAreEmpty) {
  const Metadata keys = sample();
  EXPECT_FALSE(keys.u32("none") || keys.number("none") || keys.boolean("none") ||
               keys.string("none") || keys.strings("none") || keys.floats("none") ||
               keys.u32s("none"));
  EXPECT_FALSE(keys.contains("none"));
  EXPECT_EQ(keys.find("none"), nullptr);
}

TEST(Metadata, IntegersOfAnyWidthAndSignFit) {
  const Metadata keys = sample();
  EXPECT_EQ(keys.u32("small"), 7u);
  EXPECT_EQ(keys.u32("signed"), 9u);
  EXPECT_THAT([&] { keys.u32("negative"); }, refused("negative", "i64 -1", "0 to 4294967295"));
  EXPECT_THAT([&] { keys.u32("large"); }, refused("large", "u64 4294967296", "0 to 4294967295"));
  EXPECT_THAT([&] { keys.u32("real"); }, refused("real", "f32 0.5", "an integer"));
  EXPECT_THAT([&] { keys.u32("flag"); }, refused("flag", "bool true", "an integer"));
  EXPECT_THAT([&] { keys.u32("layers"); }, refused("layers", "array of 2 i32", "an integer"));
}

TEST(Metadata, NumbersAreFinite) {
  const Metadata keys = sample();
  EXPECT_EQ(keys.number("real"), 0.5);
  EXPECT_EQ(keys.number("negative"), -1.0);
  EXPECT_THAT([&] { keys.number("infinite"); }, refused("infinite", "f32 inf", "finite"));
  EXPECT_THAT([&] { keys.number("text"); }, refused("text", "string 'a\\x1b'", "finite number"));
}

TEST(Metadata, OtherTypesAreNotConverted) {
  const Metadata keys = sample();
  EXPECT_EQ(keys.boolean("flag"), true);
  EXPECT_THAT([&] { keys.boolean("small"); }, refused("small", "u8 7", "a boolean"));
  EXPECT_THAT([&] { keys.string("small"); }, refused("small", "u8 7", "a string"));
  EXPECT_THAT([&] { keys.strings("text"); }, refused("text", "string", "array of strings"));
  EXPECT_THAT([&] { keys.strings("layers"); },
              refused("layers", "array of 2 i32", "array of strings"));
  EXPECT_THAT([&] { keys.floats("layers"); },
              refused("layers", "array of 2 i32", "array of floats"));
  EXPECT_THAT([&] { keys.floats("nan"); }, refused("nan", "array of 1 f32", "without NaN"));
  EXPECT_THAT(keys.floats("scores").value(), ElementsAre(1.0f, -0.5f));
  EXPECT_THAT(keys.strings("words").value(), ElementsAre("x", "y"));
}

TEST(Metadata, AScalarOrOneValueForEachLayer) {
  const Metadata keys = sample();
  EXPECT_THAT(keys.u32s("small").value(), ElementsAre(7));
  EXPECT_THAT(keys.u32s("layers").value(), ElementsAre(4, 5));
  EXPECT_THAT([&] { keys.u32s("bad layers"); },
              refused("bad layers", "array of 2 i32", "integers"));
  EXPECT_THAT([&] { keys.u32s("words"); }, refused("words", "array of 2 string", "integers"));
}

TEST(Metadata, RequiredKeysMustBeThere) {
  const Metadata keys = sample();
  EXPECT_EQ(keys.require_u32("small"), 7u);
  EXPECT_THAT([&] { keys.require_u32("none"); }, refused("none", "missing", ""));
  EXPECT_THAT([&] { keys.require_string("none"); }, refused("none", "missing", ""));
  EXPECT_THAT([&] { keys.require_strings("none"); }, refused("none", "missing", ""));
}

}  // namespace
}  // namespace ceiling::gguf
