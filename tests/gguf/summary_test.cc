#include "gguf/summary.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "file_bytes.h"

namespace ceiling::gguf {
namespace {

TEST(Summary, CountsTensorsByTypeLargestFirst) {
  FileBytes file;
  file.header(3, 3);
  file.key("general.architecture", 8).text("llama");
  file.key("general.name", 8).text("Tiny");
  file.key("general.license", 8).text("mit");
  file.tensor("a", {8}, 0, 0).tensor("b", {256, 2}, 12, 32).tensor("c", {4, 2}, 0, 320).data(352);
  const Summary summary = summarise(*File::parse(file.bytes(), "t.gguf"));
  EXPECT_EQ(summary.architecture, "llama");
  EXPECT_EQ(summary.name, "Tiny");
  EXPECT_EQ(summary.licence, "mit");
  EXPECT_EQ(summary.elements, 8u + 512 + 8);
  EXPECT_EQ(summary.bytes, 32u + 288 + 32);
  ASSERT_EQ(summary.by_type.size(), 2u);
  EXPECT_EQ(summary.by_type[0].type, TensorType::Q4_K);
  EXPECT_EQ(summary.by_type[0].bytes, 288u);
  EXPECT_EQ(summary.by_type[1].tensors, 2u);
  EXPECT_EQ(summary.by_type[1].elements, 16u);
}

TEST(Summary, SaysNothingThatTheFileDoesNot) {
  const Summary summary = summarise(*File::parse(FileBytes().header(0, 0).bytes(), "t.gguf"));
  EXPECT_TRUE(summary.architecture.empty() && summary.name.empty() && summary.licence.empty());
  EXPECT_TRUE(summary.by_type.empty());
  EXPECT_EQ(summary.elements, 0u);
}

TEST(Summary, RefusesKeysOfTheWrongType) {
  const auto file = FileBytes().header(0, 1).key("general.license", 4).u32(7);
  EXPECT_THROW(summarise(*File::parse(file.bytes(), "t.gguf")), Error);
}

}  // namespace
}  // namespace ceiling::gguf
