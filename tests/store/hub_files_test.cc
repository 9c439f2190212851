#include "store/hub_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace ceiling::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kFiles = {"M-Q4_K.gguf", "M-Q4_K_M.gguf", "big/M-Q8_0.gguf"};

std::string refusal(const std::vector<std::string>& files, const std::string& wanted) {
  try {
    return "chose " + choose_file(files, wanted, "org/m");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
}

TEST(HubFiles, AreModelsAndFirstPartsOnly) {
  const char* json = R"({"id": "org/m", "siblings": [
      {"rfilename": "README.md"}, {"rfilename": "b.gguf"}, {"rfilename": "mmproj-F16.gguf"},
      {"rfilename": "q8/a-00001-of-00002.gguf"}, {"rfilename": "q8/a-00002-of-00002.gguf"}]})";
  EXPECT_THAT(gguf_files(json, "org/m"), ElementsAre("b.gguf", "q8/a-00001-of-00002.gguf"));
}

TEST(HubFiles, AnotherAnswerIsNoList) {
  for (const char* wrong : {"", "<html>", "[]", R"({"siblings": 3})", R"({"siblings": [{}]})",
                            R"({"siblings": [{"rfilename": 7}]})"}) {
    try {
      gguf_files(wrong, "org/m");
      FAIL() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::integrity) << wrong;
    }
  }
}

TEST(HubFiles, AWordOfTheNameIsEnough) {
  EXPECT_EQ(choose_file(kFiles, "Q4_K_M", "org/m"), "M-Q4_K_M.gguf");
  EXPECT_EQ(choose_file(kFiles, "q4_k", "org/m"), "M-Q4_K.gguf");  // not Q4_K_M
  EXPECT_EQ(choose_file(kFiles, "M-Q8_0.gguf", "org/m"), "big/M-Q8_0.gguf");
  EXPECT_EQ(choose_file({"only.gguf"}, "", "org/m"), "only.gguf");
}

TEST(HubFiles, ThoseThereAreAreNamed) {
  EXPECT_THAT(refusal(kFiles, "Q9"), HasSubstr("no GGUF file 'Q9': there are M-Q4_K.gguf, M-Q4"));
  EXPECT_THAT(refusal(kFiles, ""), HasSubstr("name one, as hf://org/m:M-Q4_K.gguf"));
  EXPECT_THAT(refusal({}, "Q4_K_M"), HasSubstr("holds no GGUF file: look for"));
  EXPECT_THAT(refusal(std::vector<std::string>(20, "x.gguf"), ""), HasSubstr("and 8 more"));
}

TEST(Parts, AreCountedInTheName) {
  const Part part = part_of("dir/m-00001-of-00003.gguf");
  EXPECT_EQ(part.stem, "dir/m");
  EXPECT_EQ(part.number, 1U);
  EXPECT_EQ(part.count, 3U);
  EXPECT_EQ(part_name(part, 2), "dir/m-00002-of-00003.gguf");
  for (const char* whole : {"m.gguf", "m-00001-of-00003.bin", "m-00004-of-00003.gguf",
                            "m-0000x-of-00003.gguf", "-00001-of-00003.gguf"}) {
    EXPECT_EQ(part_of(whole).count, 0U) << whole;
  }
}

}  // namespace
}  // namespace ceiling::store
