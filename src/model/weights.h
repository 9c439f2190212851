// A Program's weights where they lie: pointers into one pool (the file's mapping).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "gguf/file.h"
#include "model/program.h"

namespace ceiling {

class Weights {
 public:
  // Binds by name; the File is kept alive. Throws Error(integrity) if a tensor's type or shape
  // differs.
  static std::shared_ptr<const Weights> bind(const Program& program,
                                             std::shared_ptr<const gguf::File> file);

  const std::byte* data(WeightId id) const { return data_[id]; }  // rows at row_bytes(type, cols)
  std::span<const std::byte> pool() const { return file_->bytes(); }
  const gguf::File& file() const { return *file_; }

 private:
  std::shared_ptr<const gguf::File> file_;
  std::vector<const std::byte*> data_;
};

}  // namespace ceiling
