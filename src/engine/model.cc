#include "engine/model.h"

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "model/architecture.h"

namespace ceiling {

std::shared_ptr<const Model> Model::open(const std::string& path) {
  return std::make_shared<const Model>(gguf::File::open(path));
}

Model::Model(std::shared_ptr<const gguf::File> file)
    : file_(std::move(file)),
      program_(build_program(*file_)),
      weights_(Weights::bind(program_, file_)) {}

std::shared_ptr<const Tokenizer> Model::tokenizer() const {
  const std::lock_guard lock(tokenizer_mutex_);
  if (!tokenizer_) {
    if (!file_->metadata().contains("tokenizer.ggml.model")) {
      fail(ExitCode::failed,
           "{} has no vocabulary (key tokenizer.ggml.model): use it with `bench`, which needs no "
           "text",
           file_->label());
    }
    tokenizer_ = Tokenizer::from_metadata(file_->metadata());
  }
  return tokenizer_;
}

std::shared_ptr<const ChatFormat> Model::chat_format() const {
  return ChatFormat::from_metadata(file_->metadata(), tokenizer());
}

std::string Model::display_name() const {
  return std::filesystem::path(file_->label()).stem().string();
}

bool Model::synthetic() const {
  return file_->metadata().boolean("ceiling.synthetic").value_or(false);
}

}  // namespace ceiling
