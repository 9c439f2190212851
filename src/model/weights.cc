#include "model/weights.h"

#include <utility>

#include "base/error.h"

namespace ceiling {

std::shared_ptr<const Weights> Weights::bind(const Program& program,
                                             std::shared_ptr<const gguf::File> file) {
  auto out = std::make_shared<Weights>();
  out->data_.reserve(program.weights.size());
  for (const Weight& weight : program.weights) {
    const gguf::TensorInfo* tensor = file->find(weight.name);
    if (tensor == nullptr) {
      fail(ExitCode::integrity, "{}: tensor '{}' is missing", file->label(), weight.name);
    }
    if (tensor->type != weight.type || tensor->cols() != weight.cols ||
        tensor->rows() != weight.rows * weight.groups) {
      fail(ExitCode::integrity, "{}: tensor '{}' is {} [{}, {}], expected {} [{}, {}]",
           file->label(), weight.name, name(tensor->type), tensor->rows(), tensor->cols(),
           name(weight.type), weight.rows * weight.groups, weight.cols);
    }
    out->data_.push_back(file->data(*tensor).data());
  }
  out->file_ = std::move(file);
  return out;
}

}  // namespace ceiling
