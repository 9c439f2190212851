#include "model/synthetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "model/architecture.h"
#include "model/cost.h"
#include "model/synthetic_blocks.h"
#include "os/files.h"
#include "quant/dequantise.h"
#include "tokenizer/tokenizer.h"

namespace ceiling {
namespace {

Shape small(const std::string& architecture) {
  return {.name = "small",
          .architecture = architecture,
          .like = "nothing",
          .layers = 3,
          .width = 512,
          .feed_forward = 768,
          .heads = 8,
          .kv_heads = 2,
          .head_width = 64,
          .vocabulary = 1000,
          .context = 256,
          .tied_embeddings = architecture == "qwen2",
          .rope_base = 10000};
}

class Synthetic : public testing::Test {
 protected:
  Synthetic() : folder_(std::filesystem::path(testing::TempDir()) / "synthetic") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const Shape& shape, const SyntheticOptions& options,
                    const std::string& name = "model.gguf") const {
    write_synthetic(shape, options, path(name));
    return path(name);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  std::filesystem::path folder_;
};

TEST(SyntheticBlocks, HaveMeanZeroAndTheDeviationAskedFor) {
  constexpr std::size_t kCount = 1U << 18U;
  for (const TypeInfo& layout : all_types()) {
    const std::size_t blocks = kCount / layout.block_elements;
    std::vector<std::byte> packed(blocks * layout.block_bytes);
    const auto scale = static_cast<float>(0.01 / unit_deviation(layout.type));
    fill_blocks(layout.type, packed.data(), blocks, random_stream(7, 1, 2), scale);
    std::vector<float> weights(kCount);
    dequantise_row(layout.type, packed.data(), weights.data(), kCount);
    double sum = 0;
    double squares = 0;
    for (const float weight : weights) {
      ASSERT_TRUE(std::isfinite(weight)) << layout.name;
      sum += weight;
      squares += static_cast<double>(weight) * weight;
    }
    EXPECT_NEAR(sum / kCount, 0, 2e-4) << layout.name;
    EXPECT_NEAR(std::sqrt(squares / kCount), 0.01, 2e-4) << layout.name;
  }
}

TEST_F(Synthetic, FileHoldsTheShapesProgram) {
  for (const auto* architecture : {"llama", "qwen2"}) {
    const SyntheticOptions options{.recipe = "Q4_K_M", .vocabulary = 1000};
    const auto file = gguf::File::open(write(small(architecture), options));
    const Program program = build_program(*file);
    const Program expected = shape_program(small(architecture), "Q4_K_M");
    EXPECT_EQ(file->bytes().size(), synthetic_file_bytes(small(architecture), options));
    ASSERT_EQ(program.weights.size(), expected.weights.size());
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < program.weights.size(); ++i) {
      EXPECT_EQ(program.weights[i].name, expected.weights[i].name);
      EXPECT_EQ(program.weights[i].type, expected.weights[i].type) << program.weights[i].name;
      const std::uint64_t offset = file->find(program.weights[i].name)->offset;
      EXPECT_GT(offset, last);  // in the order of reading
      last = offset;
    }
    EXPECT_EQ(cost(program, shape_batch(9, 4)).operations,
              cost(expected, shape_batch(9, 4)).operations);
  }
}

TEST_F(Synthetic, MetadataSaysWhatItIs) {
  const auto file = gguf::File::open(write(small("llama"), {.seed = 77, .vocabulary = 1000}));
  const gguf::Metadata& metadata = file->metadata();
  EXPECT_EQ(metadata.boolean("ceiling.synthetic"), true);
  EXPECT_EQ(metadata.u32("ceiling.synthetic.seed"), 77U);
  EXPECT_THAT(std::string(metadata.require_string("general.name")),
              testing::HasSubstr("Synthetic"));
  EXPECT_TRUE(metadata.contains("general.license"));
}

TEST_F(Synthetic, VocabularyTurnsTextIntoBytes) {
  const auto file = gguf::File::open(write(small("llama"), {.vocabulary = 1000}));
  const auto tokenizer = Tokenizer::from_metadata(file->metadata());
  EXPECT_EQ(tokenizer->size(), 1000U);
  const std::string text = "Grüße, 42\n";
  const auto tokens = tokenizer->encode(text);
  EXPECT_EQ(tokens.size(), text.size());
  EXPECT_EQ(tokenizer->decode(tokens), text);
  EXPECT_THAT(tokenizer->stop_tokens(), testing::ElementsAre(256));
  EXPECT_EQ(tokenizer->piece(999), " w999");
}

TEST_F(Synthetic, SameOptionsSameBytesWhateverTheThreads) {
  // More than one piece a tensor, so that threads share one.
  Shape shape = small("llama");
  shape.layers = 1;
  const auto bytes = [&](SyntheticOptions options, const std::string& name) {
    options.recipe = "Q8_0";
    options.vocabulary = 9000;
    return os::read_file(write(shape, options, name));
  };
  const std::string one = bytes({.seed = 5, .threads = 1}, "one");
  EXPECT_TRUE(one == bytes({.seed = 5, .threads = 3}, "three"));
  EXPECT_FALSE(one == bytes({.seed = 6, .threads = 1}, "other"));
}

TEST_F(Synthetic, InterruptedLeavesNothing) {
  struct Stop {};
  const auto stop = [](std::uint64_t, std::uint64_t) { throw Stop(); };
  EXPECT_THROW(write_synthetic(small("llama"), {.vocabulary = 1000}, path("model.gguf"), stop),
               Stop);
  EXPECT_EQ(files(), 0U);
}

TEST_F(Synthetic, RefusesWhatCannotBe) {
  EXPECT_THROW(write(small("llama"), {.vocabulary = 100}), Error);
  EXPECT_THROW(write(small("llama"), {.recipe = "Q9_K"}), Error);
  Shape huge = small("llama");  // 2^30 x 2^20 weights: no disk holds them
  huge.width = 1U << 20U;
  huge.feed_forward = 1U << 24U;
  huge.heads = 1U << 14U;
  huge.kv_heads = 1U << 14U;
  try {
    write(huge, {.recipe = "F32", .vocabulary = 1000});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed) << error.what();
  }
  EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace ceiling
