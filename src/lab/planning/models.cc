#include "lab/planning/models.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/sha256.h"
#include "gguf/file.h"
#include "model/architecture.h"
#include "model/shapes.h"
#include "model/synthetic.h"
#include "os/cpu.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

namespace fs = std::filesystem;

SyntheticOptions options_of(const SyntheticModel& model) {
  SyntheticOptions options;
  options.recipe = model.recipe;
  options.seed = model.seed;
  options.vocabulary = model.vocabulary;
  options.threads = os::default_threads();
  return options;
}

// A model shrunk to nothing: as many operations a token as a small model has, hardly a byte and
// hardly any arithmetic in them. What a token takes of it is overhead.
const Shape& nothing_shape() {
  static const Shape shape{.name = "nothing",
                           .architecture = "llama",
                           .like = "none",
                           .layers = 16,
                           .width = 64,
                           .feed_forward = 64,
                           .heads = 1,
                           .kv_heads = 1,
                           .head_width = 64,
                           .vocabulary = 512,
                           .context = 4096,
                           .tied_embeddings = true,
                           .rope_base = 10000};
  return shape;
}

const Shape& shape_of(const SyntheticModel& model) {
  return model.shape == nothing_shape().name ? nothing_shape() : find_shape(model.shape);
}

}  // namespace

std::string model_path(const Cell& cell) {
  if (const auto* file = std::get_if<FileModel>(&cell.model)) {
    const bool bare = file->file.find('/') == std::string::npos;
    return bare && !fs::exists(file->file) ? os::models_directory() + "/" + file->file : file->file;
  }
  const auto& model = std::get<SyntheticModel>(cell.model);
  return fmt::format("{}/synthetic-{}-{}-vocabulary{}-seed{}.gguf", os::models_directory(),
                     model.shape, model.recipe, model.vocabulary, model.seed);
}

std::string prepare_model(const Cell& cell,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const std::string path = model_path(cell);
  if (fs::exists(path)) return path;
  if (!cell.synthetic()) {
    fail(ExitCode::failed,
         "model file '{}' is missing: fetch it with ./run fetch, or name its path", path);
  }
  const auto& model = std::get<SyntheticModel>(cell.model);
  const Shape& shape = shape_of(model);
  fs::create_directories(os::models_directory());
  write_synthetic(shape, options_of(model), path, progress);
  return path;
}

std::uint64_t model_file_bytes(const Cell& cell) {
  const std::string path = model_path(cell);
  if (fs::exists(path)) return fs::file_size(path);
  if (!cell.synthetic()) return 0;
  const auto& model = std::get<SyntheticModel>(cell.model);
  return synthetic_file_bytes(shape_of(model), options_of(model));
}

Program cell_program(const Cell& cell) {
  if (cell.synthetic()) {
    const auto& model = std::get<SyntheticModel>(cell.model);
    Shape shape = shape_of(model);
    shape.vocabulary = model.vocabulary;
    return shape_program(shape, model.recipe);
  }
  return build_program(*gguf::File::open(model_path(cell)));
}

ModelFile identify(const Cell& cell, const std::function<void(std::uint64_t)>& progress) {
  const std::string path = model_path(cell);
  ModelFile file;
  file.cell = cell.id;
  file.name = fs::path(path).filename().string();
  file.bytes = fs::file_size(path);
  file.sha256 = sha256_file(path, progress);
  return file;
}

}  // namespace ceiling::lab
