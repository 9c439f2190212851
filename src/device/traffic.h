// What steps read, added up cheaply: the counts of model/cost for whole batches, in closed form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/device.h"

namespace ceiling {

class TrafficCount {
 public:
  TrafficCount(const Program& program, std::size_t begin, std::size_t end, KvType kv);
  void add(const Batch& batch);
  Traffic total;

 private:
  // Rows of one sequence in a batch.
  struct Span {
    std::uint32_t sequence, first_position, last_position;
  };
  void find_spans(const Batch& batch);

  struct WeightBytes {
    std::uint64_t first_row = 0, further_row = 0;
  };
  WeightBytes weights_[2];  // without and with rows whose logits are wanted
  std::vector<KvState> attended_;
  KvType kv_;
  std::vector<Span> spans_;  // of the batch; kept, so that a step allocates nothing
};

}  // namespace ceiling
