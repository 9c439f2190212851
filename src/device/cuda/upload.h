// A segment's weights on the device: copied once, on a clock of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/units.h"
#include "device/cuda/context.h"
#include "device/cuda/memory.h"
#include "model/program.h"
#include "model/weights.h"

namespace ceiling::cuda {

class DeviceWeights {
 public:
  // The weights that steps [begin, end) use. Throws Error(failed): no memory, or a type and shape
  // that no kernel reads.
  DeviceWeights(const std::shared_ptr<Context>& context, const Program& program,
                const Weights& weights, std::size_t begin, std::size_t end);

  const Matrix& matrix(WeightId id) const { return matrices_[id]; }
  const float* vector(WeightId id) const {
    return reinterpret_cast<const float*>(matrices_[id].data);
  }
  std::uint64_t bytes() const { return bytes_; }  // copied
  Seconds time() const { return time_; }          // from the first byte asked for to the last there

 private:
  std::vector<Matrix> matrices_;  // by WeightId; others have no data
  DeviceMemory memory_;
  std::uint64_t bytes_ = 0;
  Seconds time_;
};

}  // namespace ceiling::cuda
