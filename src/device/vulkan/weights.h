// A segment's weights as shaders see them, by the first way that the driver takes: the mapped file,
// memory of this process in its place, or a copy in the device's own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/units.h"
#include "device/vulkan/context.h"
#include "device/vulkan/memory.h"
#include "model/program.h"
#include "model/weights.h"

namespace ceiling::vulkan {

// Rows of a matrix that one binding shows. They begin `skew` bytes into it: a binding begins where
// the device wants it to.
struct Piece {
  Span span;
  std::uint32_t skew = 0;
  std::uint32_t first_row = 0, rows = 0;
};
struct Matrix {
  TensorType type = TensorType::F32;
  std::uint32_t rows = 0, cols = 0, row_bytes = 0;  // of one expert; pieces have all of theirs
  std::vector<Piece> pieces;
};
struct Vector {
  Span span;
  std::uint32_t at = 0;  // elements into the binding
};

class DeviceWeights {
 public:
  // The weights that steps [begin, end) use. Throws Error(failed): no memory, or a shape that no
  // shader reads.
  DeviceWeights(std::shared_ptr<const Context> context, const Program& program,
                std::shared_ptr<const Weights> weights, std::size_t begin, std::size_t end);
  ~DeviceWeights();
  DeviceWeights(const DeviceWeights&) = delete;
  DeviceWeights& operator=(const DeviceWeights&) = delete;

  const Matrix& matrix(WeightId id) const { return matrices_[id]; }
  Vector vector(WeightId id) const;
  std::span<const float> on_host(WeightId id) const;  // of a vector
  std::uint64_t copied_bytes() const { return copied_bytes_; }
  Seconds time() const { return time_; }
  // Empty, or why these weights are not where the device was said to read them, and where instead.
  const std::string& refusal() const { return refusal_; }

 private:
  struct Stored;
  std::vector<Stored> cut(const Program& program, std::size_t begin, std::size_t end) const;
  void bring(std::vector<Stored>& pieces);
  std::string import(std::vector<Stored>& pieces);
  std::string import_own(std::vector<Stored>& pieces);
  void copy(std::vector<Stored>& pieces);

  std::shared_ptr<const Context> context_;
  std::shared_ptr<const Weights> weights_;
  std::vector<std::uint64_t> vector_elements_;
  std::vector<Matrix> matrices_;  // by WeightId; others have no pieces
  std::vector<Buffer> buffers_;
  std::uint64_t copied_bytes_ = 0;
  Seconds time_;
  std::string refusal_;
};

}  // namespace ceiling::vulkan
