#include "gguf/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>

#include "base/error.h"
#include "gguf/file.h"

namespace ceiling::gguf {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class WriterTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() /
                 ("ceiling-" + std::to_string(::getpid()) + "-" + test->name());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path() const { return (directory_ / "out.gguf").string(); }
  std::filesystem::path directory_;
};

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <typename Number>
std::vector<std::byte> bytes_of(const std::vector<Number>& values) {
  const auto raw = std::as_bytes(std::span(values));
  return {raw.begin(), raw.end()};
}

TEST_F(WriterTest, WritesTheVeryBytesOfTheGgufPackage) {
  Writer writer(path());
  writer.set_string("general.architecture", "llama");
  writer.copy("test.u8", {ValueType::u8, std::uint64_t{200}});
  writer.copy("test.i8", {ValueType::i8, std::int64_t{-100}});
  writer.copy("test.u16", {ValueType::u16, std::uint64_t{60000}});
  writer.copy("test.i16", {ValueType::i16, std::int64_t{-30000}});
  writer.set_u32("test.u32", 4000000000u);
  writer.copy("test.i32", {ValueType::i32, std::int64_t{-2000000000}});
  writer.set_f32("test.f32", 0.1f);
  writer.copy("test.u64", {ValueType::u64, std::uint64_t{1} << 60});
  writer.copy("test.i64", {ValueType::i64, -(std::int64_t{1} << 60)});
  writer.copy("test.f64", {ValueType::f64, 0.1});
  writer.set_bool("test.bool", true);
  writer.set_string("test.string", "caf\u00e9 \u2603");
  writer.set_strings("test.strings", std::vector<std::string>{"a", "", "\u0120b"});
  writer.set_i32s("test.i32s", std::vector<std::int32_t>{-1, 0, 7});
  writer.set_f32s("test.f32s", std::vector<float>{0.5f, -1.25f});
  writer.copy("test.bools",
              {ValueType::array, Array{ValueType::boolean, std::vector<bool>{true, false, true}}});
  const std::vector<std::uint64_t> first_shape = {4, 3}, second_shape = {3}, third_shape = {32, 2};
  const auto first = writer.declare("first.weight", TensorType::F32, first_shape);
  const auto second = writer.declare("second.weight", TensorType::F16, second_shape);
  const auto third = writer.declare("third.weight", TensorType::Q8_0, third_shape);
  const std::uint64_t predicted = writer.file_bytes();
  writer.begin();
  std::vector<std::uint8_t> packed(68);
  std::iota(packed.begin(), packed.end(), std::uint8_t{0});
  const auto third_bytes = bytes_of(packed);
  writer.write(third, 40, std::span(third_bytes).subspan(40));  // in pieces, out of order
  writer.write(third, 0, std::span(third_bytes).first(40));
  std::vector<float> rows(12);
  std::iota(rows.begin(), rows.end(), 0.0f);
  writer.write(first, 0, bytes_of(rows));
  writer.write(second, 0, bytes_of(std::vector<std::uint16_t>{0, 0x3c00, 0x4000}));
  EXPECT_FALSE(std::filesystem::exists(path()));
  writer.finish();

  const std::string expected = slurp(CEILING_TEST_DATA "/gguf/small.gguf");
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(predicted, expected.size());
  EXPECT_TRUE(slurp(path()) == expected);
}

TEST_F(WriterTest, CopiesEveryKeyOfAFile) {
  const auto source = File::open(CEILING_TEST_DATA "/gguf/small.gguf");
  Writer writer(path());
  for (const auto& [key, value] : source->metadata().all()) writer.copy(key, value);
  writer.set_string("general.architecture", "qwen2");  // a second setting replaces the first
  writer.begin();
  writer.finish();
  const auto copy = File::open(path());
  EXPECT_EQ(copy->metadata().all().size(), source->metadata().all().size());
  EXPECT_EQ(copy->metadata().require_string("general.architecture"), "qwen2");
  EXPECT_EQ(copy->metadata().find("test.i8")->type, ValueType::i8);
  EXPECT_EQ(copy->metadata().number("test.f32"), source->metadata().number("test.f32"));
}

TEST_F(WriterTest, RefusesTensorsThatNoFileMayHold) {
  Writer writer(path());
  const auto declare = [&](std::string name, TensorType type, std::vector<std::uint64_t> shape) {
    writer.declare(std::move(name), type, shape);
  };
  declare("w", TensorType::F32, {8});
  EXPECT_THAT([&] { declare("w", TensorType::F32, {8}); },
              ThrowsMessage<Error>(HasSubstr("twice")));
  EXPECT_THAT([&] { declare("", TensorType::F32, {8}); },
              ThrowsMessage<Error>(HasSubstr("0 bytes")));
  EXPECT_THAT([&] { declare("v", TensorType::Q4_K, {128}); },
              ThrowsMessage<Error>(HasSubstr("256")));
  EXPECT_THAT([&] { declare("v", TensorType::F32, {}); },
              ThrowsMessage<Error>(HasSubstr("dimensions")));
  EXPECT_THAT([&] { declare("v", TensorType::F32, {8, 0}); },
              ThrowsMessage<Error>(HasSubstr("no weights")));
  EXPECT_THAT([&] { declare("v", TensorType::F32, {8, 1ull << 62}); },
              ThrowsMessage<Error>(HasSubstr("2^64")));
}

TEST_F(WriterTest, AnUnfinishedFileLeavesNothingBehind) {
  {
    Writer writer(path());
    const std::vector<std::uint64_t> shape = {8, 2};
    const auto tensor = writer.declare("w", TensorType::F32, shape);
    writer.begin();
    const std::vector<std::byte> row(32);
    writer.write(tensor, 32, row);
    EXPECT_THAT([&] { writer.write(tensor, 48, row); },
                ThrowsMessage<Error>(HasSubstr("do not fit")));
    EXPECT_THAT([&] { writer.finish(); },
                ThrowsMessage<Error>(HasSubstr("32 of 64 bytes of tensor 'w'")));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

}  // namespace
}  // namespace ceiling::gguf
