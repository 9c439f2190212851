#include "gguf/summary.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "file_bytes.h"
#include "gguf/file_type.h"

namespace ceiling::gguf {
namespace {

TEST(Summary, CountsTensorsByTypeLargestFirst) {
  FileBytes file;
  file.header(3, 4);
  file.key("general.architecture", 8).text("llama");
  file.key("general.name", 8).text("Tiny");
  file.key("general.license", 8).text("mit");
  file.key("general.file_type", 4).u32(15);
  file.tensor("a", {8}, 0, 0).tensor("b", {256, 2}, 12, 32).tensor("c", {4, 2}, 0, 320).data(352);
  const Summary summary = summarise(*File::parse(file.bytes(), "t.gguf"));
  EXPECT_EQ(summary.architecture, "llama");
  EXPECT_EQ(summary.name, "Tiny");
  EXPECT_EQ(summary.licence, "mit");
  EXPECT_EQ(summary.recipe, "Q4_K_M");
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
  EXPECT_TRUE(summary.recipe.empty() && summary.by_type.empty());
  EXPECT_EQ(summary.elements, 0u);
}

TEST(Summary, RefusesKeysOfTheWrongType) {
  const auto file = FileBytes().header(0, 1).key("general.license", 4).u32(7);
  EXPECT_THROW(summarise(*File::parse(file.bytes(), "t.gguf")), Error);
}

TEST(FileType, NamesAndNumbersAgree) {
  EXPECT_EQ(recipe_of_file_type(3), "Q4_1");
  EXPECT_EQ(recipe_of_file_type(15), "Q4_K_M");
  EXPECT_EQ(file_type_of_recipe("Q4_K_M"), 15u);
  EXPECT_EQ(file_type_of_recipe("BF16"), 32u);
  EXPECT_FALSE(recipe_of_file_type(4));
  EXPECT_FALSE(file_type_of_recipe("q4_k_m"));
}

}  // namespace
}  // namespace ceiling::gguf
