// A segment's weights on the device: copied once, on a clock of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "base/units.h"
#include "device/cuda/context.h"
#include "device/cuda/memory.h"
#include "model/program.h"
#include "model/weights.h"

namespace ceiling::cuda {

class DeviceWeights {
 public:
  struct Source {
    const Program& program;
    std::shared_ptr<const Weights> weights;
    std::set<WeightId> copied;    // these
    std::set<WeightId> streamed;  // have a place only while they are used: see place()
    std::vector<std::shared_ptr<const DeviceWeights>> lenders = {};  // what they hold is not copied
  };
  // The file's pages that were read leave this process's memory. Throws Error(failed): no memory,
  // or a type and shape that no kernel reads.
  DeviceWeights(Context& context, Source source);

  const Matrix& matrix(WeightId id) const { return matrices_[id]; }
  const float* vector(WeightId id) const {
    return reinterpret_cast<const float*>(matrices_[id].data);
  }
  void place(WeightId streamed, std::uint8_t* data) { matrices_[streamed].data = data; }

  const Weights* source() const { return weights_.get(); }
  std::uint64_t bytes() const { return bytes_; }  // copied
  Seconds time() const { return time_; }          // from the first byte asked for to the last there

 private:
  bool owns(WeightId id) const;
  bool borrow(WeightId id);

  std::shared_ptr<const Weights> weights_;
  std::vector<Matrix> matrices_;  // by WeightId; others have no data
  std::vector<std::shared_ptr<const DeviceWeights>> lenders_;
  DeviceMemory memory_;
  std::uint64_t bytes_ = 0;
  Seconds time_;
};

}  // namespace ceiling::cuda
