#include "gguf/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "file_bytes.h"

namespace ceiling::gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const File> parse(const FileBytes& file) {
  return File::parse(file.bytes(), "t.gguf");
}

// The file must be refused with `code`, naming itself and all of `parts`.
void expect_refused(std::span<const std::byte> bytes, ExitCode code,
                    std::vector<std::string> parts) {
  try {
    File::parse(bytes, "t.gguf");
    FAIL() << "accepted; expected a refusal that says " << testing::PrintToString(parts);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("t.gguf"));
    for (const auto& part : parts) EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

void expect_refused(const FileBytes& file, std::vector<std::string> parts) {
  expect_refused(file.bytes(), ExitCode::integrity, std::move(parts));
}

std::vector<std::byte> small_file() {
  std::ifstream in(CEILING_TEST_DATA "/gguf/small.gguf", std::ios::binary);
  const std::vector<char> chars((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::byte> bytes(chars.size());
  std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}

TEST(File, ReadsTensorsThatTheGgufPackageWrote) {
  const auto file = File::open(CEILING_TEST_DATA "/gguf/small.gguf");
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->alignment(), 32u);
  ASSERT_EQ(file->tensors().size(), 3u);
  const TensorInfo& first = file->tensors()[0];
  EXPECT_EQ(first.name, "first.weight");
  EXPECT_EQ(first.type, TensorType::F32);
  EXPECT_EQ(first.dimensions, 2u);
  EXPECT_EQ(first.cols(), 4u);
  EXPECT_EQ(first.rows(), 3u);
  EXPECT_EQ(first.elements(), 12u);
  ASSERT_EQ(file->data(first).size(), 48u);
  float weights[12];
  std::memcpy(weights, file->data(first).data(), sizeof weights);
  EXPECT_THAT(weights, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_EQ(file->data(first).data(), file->bytes().data() + file->data_offset());

  const TensorInfo* third = file->find("third.weight");
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third->type, TensorType::Q8_0);
  EXPECT_THAT(third->shape, ElementsAre(32, 2, 1, 1));
  EXPECT_EQ(third->bytes, 68u);
  EXPECT_EQ(file->data(*third)[67], std::byte{67});
  EXPECT_EQ(file->find("second.weight")->type, TensorType::F16);
  EXPECT_EQ(file->find("second.weigh"), nullptr);
  EXPECT_EQ(file->find(""), nullptr);
}

TEST(File, OwnPagesHoldTheSameInTheSamePlace) {
  const auto file = File::open(CEILING_TEST_DATA "/gguf/small.gguf");
  const std::byte* const place = file->bytes().data();
  const auto expected = small_file();
  for (int i = 0; i < 2; ++i) {
    file->own_pages();
    EXPECT_EQ(file->bytes().data(), place);
    ASSERT_EQ(file->bytes().size(), expected.size());
    EXPECT_EQ(std::memcmp(place, expected.data(), expected.size()), 0);
    file->release(file->bytes());
  }
  File::parse(expected, "in memory")->own_pages();  // nothing to do
}

TEST(File, ReadsKeysThatTheGgufPackageWrote) {
  const auto file = File::open(CEILING_TEST_DATA "/gguf/small.gguf");
  const Metadata& keys = file->metadata();
  EXPECT_EQ(keys.all().size(), 17u);
  EXPECT_EQ(keys.require_string("general.architecture"), "llama");
  EXPECT_EQ(keys.number("test.u8"), 200);
  EXPECT_EQ(keys.number("test.i8"), -100);
  EXPECT_EQ(keys.number("test.u16"), 60000);
  EXPECT_EQ(keys.number("test.i16"), -30000);
  EXPECT_EQ(keys.u32("test.u32"), 4000000000u);
  EXPECT_EQ(keys.number("test.i32"), -2000000000);
  EXPECT_EQ(keys.number("test.f32"), static_cast<double>(0.1f));
  EXPECT_EQ(keys.number("test.u64"), 0x1p60);
  EXPECT_EQ(keys.number("test.i64"), -0x1p60);
  EXPECT_EQ(keys.number("test.f64"), 0.1);
  EXPECT_EQ(keys.boolean("test.bool"), true);
  EXPECT_EQ(keys.string("test.string"), "caf\u00e9 \u2603");
  EXPECT_THAT(keys.require_strings("test.strings"), ElementsAre("a", "", "\u0120b"));
  EXPECT_THAT(keys.floats("test.f32s").value(), ElementsAre(0.5f, -1.25f));
  const auto& bools = std::get<Array>(keys.find("test.bools")->data);
  EXPECT_EQ(bools.element, ValueType::boolean);
  EXPECT_THAT(std::get<std::vector<bool>>(bools.values), ElementsAre(true, false, true));
  const auto& integers = std::get<Array>(keys.find("test.i32s")->data);
  EXPECT_THAT(std::get<std::vector<std::int64_t>>(integers.values), ElementsAre(-1, 0, 7));
}

TEST(File, ReadsVersionTwoAndFilesWithoutTensors) {
  EXPECT_EQ(parse(FileBytes().header(0, 0, 2))->version(), 2u);
  EXPECT_TRUE(parse(FileBytes().header(0, 0))->tensors().empty());
}

TEST(File, HonoursTheAlignmentOfTheFile) {
  FileBytes file;
  file.header(1, 1).key("general.alignment", 4).u32(128).tensor("w", {8}, 0, 128);
  const std::size_t data = (file.size() + 127) / 128 * 128;
  file.raw(std::string(data + 128 + 32 - file.size(), 'x'));
  const auto parsed = parse(file);
  EXPECT_EQ(parsed->data_offset(), data);
  EXPECT_EQ(parsed->tensors()[0].offset, data + 128);
}

TEST(File, RefusesAFileCutAnywhere) {
  const auto whole = small_file();
  ASSERT_NO_THROW(File::parse(whole, "t.gguf"));
  const std::size_t needed = whole.size() - 28;  // the last tensor's padding may be missing
  for (std::size_t length = 0; length < needed; ++length) {
    // A copy of that length: reading past its end is an error under the address sanitizer.
    const std::vector<std::byte> cut(whole.begin(),
                                     whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_THROW(File::parse(cut, "t.gguf"), Error) << length;
  }
  EXPECT_NO_THROW(File::parse(std::span(whole).first(needed), "t.gguf"));
}

TEST(File, SurvivesEveryFieldOverwritten) {
  const auto whole = small_file();
  for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
    for (std::size_t width : {1, 4, 8}) {
      for (std::size_t at = 0; at + width <= whole.size(); ++at) {
        auto changed = whole;
        std::memset(changed.data() + at, value, width);
        try {
          const auto file = File::parse(changed, "t.gguf");
          for (const auto& tensor : file->tensors()) {
            ASSERT_EQ(file->data(tensor).size(), tensor.bytes);
            ASSERT_LE(tensor.offset + tensor.bytes, changed.size());
          }
        } catch (const Error&) {  // refused: as good
        }
      }
    }
  }
}

TEST(File, RefusesWhatIsNotGguf) {
  expect_refused(FileBytes().raw("GGML").u32(3).u64(0).u64(0), {"starts with 'GGML'", "'GGUF'"});
  expect_refused(FileBytes().raw("\x1b[2Jxxxx"), {"\\x1b[2J"});
  expect_refused(FileBytes(), {"truncated"});
}

TEST(File, RefusesOtherVersionsAndByteOrders) {
  for (const std::uint32_t version : {0u, 1u, 4u, 70000u}) {
    expect_refused(FileBytes().header(0, 0, version).bytes(), ExitCode::failed,
                   {"version " + std::to_string(version), "2 and 3"});
  }
  expect_refused(FileBytes().header(0, 0, 0x03000000u).bytes(), ExitCode::failed, {"big-endian"});
}

TEST(File, RefusesCountsThatItsSizeCannotHold) {
  const std::uint64_t huge = ~0ull;
  expect_refused(FileBytes().header(0, huge), {"18446744073709551615 metadata keys"});
  expect_refused(FileBytes().header(huge, 0), {"18446744073709551615 tensors"});
  expect_refused(FileBytes().header(0, 1).key("k", 9).u32(4).u64(1ull << 62),
                 {"'k'", "4611686018427387904 elements", "u32"});
  expect_refused(FileBytes().header(0, 1).key("k", 9).u32(8).u64(3).u64(0).u64(0),
                 {"'k'", "3 elements"});
  expect_refused(FileBytes().header(0, 1).key("k", 8).u64(huge),
                 {"'k'", "18446744073709551615 bytes"});
  expect_refused(FileBytes().header(0, 1).u64(1ull << 40).raw("123456"), {"metadata key 1 of 1"});
}

TEST(File, RefusesBadKeys) {
  expect_refused(FileBytes().header(0, 2).key("k", 4).u32(1).key("k", 4).u32(2), {"'k'", "twice"});
  expect_refused(FileBytes().header(0, 1).key("", 4).u32(1), {"metadata key 1 of 1", "''"});
  expect_refused(FileBytes().header(0, 1).key("a\nb", 4).u32(1), {"a\\nb"});
  expect_refused(FileBytes().header(0, 1).key(std::string(70000, 'k'), 4).u32(1), {"65535"});
  expect_refused(FileBytes().header(0, 1).key("k", 13).u32(1).u64(0), {"'k'", "value type 13"});
  expect_refused(FileBytes().header(0, 1).key("k", 7).raw("\x02"), {"'k'", "boolean with value 2"});
  expect_refused(FileBytes().header(0, 1).key("k", 9).u32(7).u64(1).raw("\x05"),
                 {"boolean with value 5"});
  expect_refused(FileBytes().header(0, 1).key("k", 9).u32(13).u64(0), {"'k'", "value type 13"});
  expect_refused(FileBytes().header(0, 1).key("k", 9).u32(9).u64(1).u32(4).u64(0),
                 {"'k'", "array of arrays"});
}

TEST(File, RefusesBadAlignment) {
  for (const std::uint32_t alignment : {0u, 1u, 4u, 24u, 0xffffffffu}) {
    expect_refused(FileBytes().header(0, 1).key("general.alignment", 4).u32(alignment),
                   {"general.alignment is " + std::to_string(alignment), "power of two"});
  }
  expect_refused(FileBytes().header(0, 1).key("general.alignment", 8).text("32"),
                 {"general.alignment", "string '32'"});
  expect_refused(FileBytes().header(0, 1).key("general.alignment", 10).u64(1ull << 32),
                 {"general.alignment", "4294967296"});
}

TEST(File, RefusesBadTensors) {
  const auto one = [] { return FileBytes().header(1, 0); };
  expect_refused(one().tensor("", {32}, 0, 0).data(128), {"tensor 1 of 1", "''"});
  expect_refused(one().tensor("a\x1b[31m", {32}, 0, 0).data(128), {"a\\x1b[31m"});
  expect_refused(one().tensor(std::string(65, 'n'), {32}, 0, 0).data(128), {"65 bytes"});
  expect_refused(one().tensor("w", {}, 0, 0).data(128), {"'w'", "0 dimensions"});
  expect_refused(one().tensor("w", {1, 1, 1, 1, 1}, 0, 0).data(128), {"'w'", "5 dimensions"});
  expect_refused(one().tensor("w", {32, 0}, 0, 0).data(128), {"dimension 1", "'w'", "is 0"});
  expect_refused(one().tensor("w", {1ull << 32, 1ull << 32}, 0, 0).data(128),
                 {"dimension 1", "4294967296"});
  expect_refused(one().tensor("w", {1ull << 62}, 0, 0).data(128), {"'w'", "2^64"});
  expect_refused(one().tensor("w", {32}, 99, 0).data(128), {"'w'", "type 99", "Q4_K"});
  expect_refused(one().tensor("w", {128}, 12, 0).data(128), {"'w'", "rows of 128", "Q4_K", "256"});
  expect_refused(one().tensor("w", {33}, 2, 0).data(128), {"'w'", "rows of 33", "Q4_0", "32"});
  expect_refused(FileBytes().header(2, 0).tensor("w", {8}, 0, 0).tensor("w", {8}, 0, 32).data(64),
                 {"'w'", "twice"});
}

TEST(File, NamesTheTypesThatItDoesNotSupport) {
  expect_refused(FileBytes().header(1, 0).tensor("w", {256}, 16, 0).data(512).bytes(),
                 ExitCode::failed, {"'w'", "IQ2_XXS", "Q4_K"});
}

TEST(File, RefusesBadOffsets) {
  const auto one = [] { return FileBytes().header(1, 0); };
  expect_refused(one().tensor("w", {32}, 0, 8).data(256), {"'w'", "offset 8", "32"});
  expect_refused(one().tensor("w", {32}, 0, 32).data(128), {"'w'", "beyond the end"});
  expect_refused(one().tensor("w", {32}, 0, ~31ull).data(128), {"'w'", "beyond the end"});
  expect_refused(one().tensor("w", {1ull << 61}, 0, 0).data(128), {"'w'", "beyond the end"});
  expect_refused(FileBytes().header(2, 0).tensor("v", {16}, 0, 0).tensor("w", {8}, 0, 32).data(64),
                 {"'v'", "'w'", "overlap"});
  EXPECT_NO_THROW(
      parse(FileBytes().header(2, 0).tensor("v", {8}, 0, 32).tensor("w", {8}, 0, 0).data(64)));
}

TEST(File, SaysWhichFileCannotBeRead) {
  try {
    File::open("/nonexistent/model.gguf");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/model.gguf"));
  }
}

}  // namespace
}  // namespace ceiling::gguf
