// One GGUF file into another with other tensor types, on small files.
#include "model/requantise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "base/error.h"
#include "gguf/writer.h"
#include "model/origin.h"
#include "os/files.h"
#include "quant/dequantise.h"

namespace ceiling {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t wide = 512;     // a multiple of every block
constexpr std::uint64_t awkward = 96;   // of 32, not of 256
constexpr std::uint64_t hopeless = 20;  // of no block
constexpr std::uint64_t rows = 48;

class Requantise : public testing::Test {
 protected:
  Requantise() {
    std::string name = (fs::temp_directory_path() / "ceiling_requantise_XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 0.05F);
    weights_.resize(wide * rows);
    for (float& weight : weights_) weight = normal(random);
  }
  ~Requantise() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // A llama file whose layer has one matrix of each width, from weights_.
  std::shared_ptr<const gguf::File> source() const {
    gguf::Writer writer(path("source.gguf"));
    writer.set_string("general.architecture", "llama");
    writer.set_string("general.name", "a small one");
    writer.set_u32("llama.block_count", 1);
    writer.set_u32("llama.attention.head_count", 4);
    writer.set_u32("llama.attention.head_count_kv", 2);
    writer.set_u32("llama.embedding_length", wide);
    writer.set_f32("some.other.key", 0.25F);
    const auto declare = [&](const char* name, std::vector<std::uint64_t> shape) {
      writer.declare(name, TensorType::F32, shape);
    };
    declare("blk.0.attn_norm.weight", {wide});
    declare("blk.0.attn_q.weight", {wide, rows});
    declare("blk.0.attn_k.weight", {awkward, rows});
    declare("blk.0.attn_v.weight", {hopeless, rows});
    declare("output.weight", {wide, rows});
    writer.begin();
    const auto* bytes = reinterpret_cast<const std::byte*>(weights_.data());
    std::size_t index = 0;
    for (const std::uint64_t count :
         {wide, wide * rows, awkward * rows, hopeless * rows, wide * rows})
      writer.write(index++, 0, {bytes, count * sizeof(float)});
    writer.finish();
    return gguf::File::open(path("source.gguf"));
  }

  // The Error's text and code; "" where there was none.
  std::pair<std::string, ExitCode> failure(const std::string& output,
                                           const RequantiseOptions& options) const {
    try {
      requantise(source(), output, options);
    } catch (const Error& error) {
      return {error.what(), error.code()};
    }
    return {"", ExitCode::done};
  }

  fs::path folder_;
  std::vector<float> weights_;
};

RequantiseOptions options(const std::string& recipe, unsigned threads = 1) {
  return {.recipe = recipe, .threads = threads, .importance = {}};
}

const RequantisedTensor& named(const RequantiseReport& report, std::string_view name) {
  return *std::find_if(report.tensors.begin(), report.tensors.end(),
                       [&](const auto& tensor) { return tensor.name == name; });
}

TEST_F(Requantise, TheThreadsDoNotChangeTheBytes) {
  for (const char* recipe : {"Q4_K_M", "Q8_0"}) {
    const auto input = source();
    const auto report = requantise(input, path("one.gguf"), options(recipe));
    const std::string bytes = os::read_file(path("one.gguf"));
    EXPECT_EQ(report.bytes, bytes.size());
    for (const unsigned threads : {2U, 3U}) {
      const auto again = requantise(input, path("more.gguf"), options(recipe, threads));
      EXPECT_EQ(os::read_file(path("more.gguf")), bytes);
      EXPECT_EQ(again.squared_error, report.squared_error);
    }
  }
}

TEST_F(Requantise, WeightsStayNearAndVectorsStayExact) {
  const auto report = requantise(source(), path("out.gguf"), options("Q6_K"));
  const auto file = gguf::File::open(path("out.gguf"));
  const auto* matrix = file->find("blk.0.attn_q.weight");
  ASSERT_EQ(matrix->type, TensorType::Q6_K);
  std::vector<float> back(wide * rows);
  dequantise_row(matrix->type, file->data(*matrix).data(), back.data(), back.size());
  for (std::size_t i = 0; i < back.size(); ++i) ASSERT_NEAR(back[i], weights_[i], 0.006F);
  const auto* vector = file->find("blk.0.attn_norm.weight");
  ASSERT_EQ(vector->type, TensorType::F32);
  EXPECT_EQ(std::memcmp(file->data(*vector).data(), weights_.data(), wide * sizeof(float)), 0);
  EXPECT_GT(report.squared_error, 0);
  EXPECT_LT(std::sqrt(report.squared_error), 0.02 * report.weight_rms);
}

TEST_F(Requantise, CopiesTheMetadataAndSaysWhatItWrote) {
  requantise(source(), path("out.gguf"), options("Q4_K_M"));
  const auto file = gguf::File::open(path("out.gguf"));
  const auto& metadata = file->metadata();
  EXPECT_EQ(metadata.require_string("general.name"), "a small one");
  EXPECT_EQ(metadata.require_u32("llama.attention.head_count_kv"), 2U);
  EXPECT_EQ(metadata.number("some.other.key"), 0.25F);
  EXPECT_EQ(metadata.require_u32("general.file_type"), 15U);
  EXPECT_EQ(metadata.boolean("ceiling.quantised_with_importance"), false);
}

TEST_F(Requantise, WritingFloatsDoesNotHideThatTheWeightsWereQuantised) {
  EXPECT_EQ(quantised_origin(*source()), "");
  requantise(source(), path("four.gguf"), options("Q4_K_M"));
  const auto four = gguf::File::open(path("four.gguf"));
  EXPECT_EQ(four->metadata().string(kQuantisedFromKey), std::nullopt);
  EXPECT_EQ(quantised_origin(*four), "Q4_K_M");
  requantise(four, path("float.gguf"), options("F16"));
  const auto floats = gguf::File::open(path("float.gguf"));
  EXPECT_EQ(storage_name(*floats), "F16");
  EXPECT_EQ(quantised_origin(*floats), "Q4_K_M");
  requantise(floats, path("two.gguf"), options("Q2_K"));
  EXPECT_EQ(quantised_origin(*gguf::File::open(path("two.gguf"))), "Q4_K_M");
}

TEST_F(Requantise, ColumnsThatNoBlockFitsFallBackAndAreReported) {
  const auto report = requantise(source(), path("out.gguf"), options("Q4_K_S"));
  EXPECT_EQ(named(report, "blk.0.attn_q.weight").to, TensorType::Q4_K);
  EXPECT_FALSE(named(report, "blk.0.attn_q.weight").fell_back);
  EXPECT_EQ(named(report, "blk.0.attn_k.weight").to, TensorType::Q5_0);
  EXPECT_TRUE(named(report, "blk.0.attn_k.weight").fell_back);
  EXPECT_EQ(named(report, "blk.0.attn_v.weight").to, TensorType::F16);
  EXPECT_TRUE(named(report, "blk.0.attn_v.weight").fell_back);
  EXPECT_FALSE(named(report, "blk.0.attn_norm.weight").fell_back);
}

// Of the matrix blk.0.attn_q.weight of a file.
double weighted_error(const std::string& path, const std::vector<float>& weights,
                      const std::vector<float>& importance) {
  const auto file = gguf::File::open(path);
  const auto* matrix = file->find("blk.0.attn_q.weight");
  std::vector<float> back(weights.size());
  dequantise_row(matrix->type, file->data(*matrix).data(), back.data(), back.size());
  double sum = 0;
  for (std::size_t i = 0; i < back.size(); ++i) {
    const double off = back[i] - weights[i];
    sum += importance[i % importance.size()] * off * off;
  }
  return sum;
}

TEST_F(Requantise, ImportanceLowersTheErrorThatItWeighs) {
  std::vector<float> importance(wide);
  for (std::size_t c = 0; c < wide; ++c) importance[c] = c % 16 == 0 ? 30.0F : 0.2F;
  for (const char* recipe : {"Q2_K", "Q3_K_S", "Q4_0", "Q4_K_S", "IQ4_XS"}) {
    requantise(source(), path("plain.gguf"), options(recipe));
    RequantiseOptions weighed = options(recipe);
    weighed.importance["blk.0.attn_q.weight"] = importance;
    weighed.importance["blk.0.attn_k.weight"] = importance;  // of another width: not used
    requantise(source(), path("weighed.gguf"), weighed);
    EXPECT_LT(weighted_error(path("weighed.gguf"), weights_, importance),
              0.8 * weighted_error(path("plain.gguf"), weights_, importance))
        << recipe;
    EXPECT_EQ(gguf::File::open(path("weighed.gguf"))
                  ->metadata()
                  .boolean("ceiling.quantised_with_importance"),
              true);
  }
}

TEST_F(Requantise, AWeightThatIsNoNumberIsNamedWithItsTensor) {
  weights_[2 * wide + 5] = std::numeric_limits<float>::quiet_NaN();
  const auto [nan, code] = failure(path("out.gguf"), options("Q4_K_M", 3));
  EXPECT_EQ(code, ExitCode::integrity);
  EXPECT_THAT(nan, AllOf(HasSubstr("'blk.0.attn_q.weight'"), HasSubstr("weight 1029"),
                         HasSubstr("row 2, column 5"), HasSubstr("nan")));
  weights_[2 * wide + 5] = 0;
  weights_[7] = -std::numeric_limits<float>::infinity();  // of the vector, which is copied
  EXPECT_THAT(
      failure(path("out.gguf"), options("Q8_0")).first,
      AllOf(HasSubstr("'blk.0.attn_norm.weight'"), HasSubstr("column 7"), HasSubstr("-inf")));
  EXPECT_FALSE(fs::exists(path("out.gguf")));
}

TEST_F(Requantise, RefusesToWriteOverItsInput) {
  source();
  fs::create_symlink(path("source.gguf"), path("link.gguf"));
  for (const char* name : {"source.gguf", "link.gguf", "./source.gguf"}) {
    const auto [message, code] = failure(path(name), options("Q8_0"));
    EXPECT_EQ(code, ExitCode::usage);
    EXPECT_THAT(message, HasSubstr("is the input file"));
  }
}

TEST_F(Requantise, AnUnknownTypeIsNamedWithThoseThereAre) {
  const auto [message, code] = failure(path("out.gguf"), options("Q9_Z"));
  EXPECT_EQ(code, ExitCode::usage);
  EXPECT_THAT(message, AllOf(HasSubstr("'Q9_Z'"), HasSubstr("Q4_K_M"), HasSubstr("IQ4_XS")));
}

TEST_F(Requantise, AFullDiskLeavesTheOldFileAndNothingElse) {
  os::write_file(path("out.gguf"), "old");
  const auto input = source();
  const pid_t child = fork();
  if (child == 0) {  // the limit ends with the child
    const rlimit limit{20'000, 20'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      requantise(input, path("out.gguf"), options("Q8_0", 2));
    } catch (const Error& error) {
      _exit(error.code() == ExitCode::failed ? 0 : 2);
    }
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(os::read_file(path("out.gguf")), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 2);
}

}  // namespace
}  // namespace ceiling
