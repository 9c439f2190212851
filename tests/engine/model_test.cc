#include "engine/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tiny_model.h"

namespace ceiling {
namespace {

TEST(Model, OpensAFileWithItsWeightsInPlace) {
  const auto model = Model::open(write_tiny_model("model_test"));
  EXPECT_EQ(model->display_name(), "model_test");
  EXPECT_EQ(model->program().layers, 2U);
  EXPECT_FALSE(model->synthetic());
  EXPECT_EQ(model->tokenizer()->size(), tiny_vocabulary);
  EXPECT_EQ(model->chat_format()->name(), "chatml");
  const std::span<const std::byte> pool = model->weights()->pool();
  for (WeightId id = 0; id < model->program().weights.size(); ++id) {
    EXPECT_GE(model->weights()->data(id), pool.data());
    EXPECT_LT(model->weights()->data(id), pool.data() + pool.size());
  }
}

TEST(Model, WithoutAVocabularySaysSoWhenTextIsWanted) {
  const auto model = Model::open(write_tiny_model("no_vocabulary", false));
  try {
    static_cast<void>(model->tokenizer());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), testing::HasSubstr("has no vocabulary"));
  }
}

TEST(Model, AMissingFileIsNamed) {
  try {
    Model::open("/nowhere/missing.gguf");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/missing.gguf"));
  }
}

}  // namespace
}  // namespace ceiling
