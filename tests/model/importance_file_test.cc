// Importances in the form of llama.cpp's tools.
#include "model/importance_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "gguf/writer.h"

namespace ceiling {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

constexpr std::uint64_t cols = 3;
constexpr std::uint64_t rows = 2;
constexpr std::uint64_t experts = 4;

class ImportanceFile : public testing::Test {
 protected:
  ImportanceFile() {
    std::string name = (fs::temp_directory_path() / "ceiling_importance_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ImportanceFile() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // A matrix, a matrix of experts and one that no importance names.
  std::shared_ptr<const gguf::File> model() const {
    gguf::Writer writer(path("model.gguf"));
    writer.set_string("general.architecture", "llama");
    writer.declare("plain.weight", TensorType::F32, std::array{cols, rows});
    writer.declare("experts.weight", TensorType::F32, std::array{cols, rows, experts});
    writer.declare("other.weight", TensorType::F32, std::array{cols, rows});
    writer.begin();
    const std::vector<std::byte> zeros(cols * rows * experts * sizeof(float));
    writer.write(0, 0, std::span(zeros).first(cols * rows * sizeof(float)));
    writer.write(1, 0, zeros);
    writer.write(2, 0, std::span(zeros).first(cols * rows * sizeof(float)));
    writer.finish();
    return gguf::File::open(path("model.gguf"));
  }

  static std::vector<float> values(const gguf::File& file, std::string_view name) {
    const auto data = file.data(*file.find(name));
    std::vector<float> out(data.size() / sizeof(float));
    std::memcpy(out.data(), data.data(), data.size());
    return out;
  }

  fs::path folder_;
};

TEST_F(ImportanceFile, HoldsSumsAndCountsOfEachMatrix) {
  const Importance importance = {{"plain.weight", {1, 2, 3}},
                                 {"experts.weight", {4, 5, 6}},
                                 {"other.weight", {7}},  // of another width
                                 {"absent.weight", {8, 9, 10}}};
  write_importance(path("out.gguf"), *model(), importance, "book.txt");
  const auto file = gguf::File::open(path("out.gguf"));
  EXPECT_EQ(file->metadata().require_string("general.type"), "imatrix");
  EXPECT_THAT(file->metadata().require_strings("imatrix.datasets"), ElementsAre("book.txt"));
  EXPECT_EQ(file->tensors().size(), 4U);
  EXPECT_THAT(values(*file, "plain.weight.in_sum2"), ElementsAre(1, 2, 3));
  EXPECT_THAT(values(*file, "plain.weight.counts"), ElementsAre(1));
  EXPECT_THAT(values(*file, "experts.weight.in_sum2"),
              ElementsAre(4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6));
  EXPECT_THAT(values(*file, "experts.weight.counts"), ElementsAre(1, 1, 1, 1));
}

TEST_F(ImportanceFile, LeavesNothingWhereItCannotBeWritten) {
  EXPECT_THROW(write_importance(path("none/out.gguf"), *model(), {}, "book.txt"), Error);
  EXPECT_FALSE(fs::exists(path("none")));
}

}  // namespace
}  // namespace ceiling
