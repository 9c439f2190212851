// A segment compiled for a CUDA device. A step of few rows is a captured graph, run again for each
// step of so many rows; a prompt is put on the stream operation by operation.
#pragma once

#include <cuda_runtime_api.h>

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "device/cuda/weight_stream.h"
#include "device/cuda/work_runner.h"
#include "device/segment_ends.h"
#include "device/traffic.h"

namespace ceiling::cuda {

class CudaExecutable final : public Executable {
 public:
  struct Parts {
    std::shared_ptr<Context> context;
    Program program;
    std::shared_ptr<const Weights> weights;
    std::size_t begin, end;
    std::vector<const CudaKvStore*> kv;  // each state is held by one of them
    CompileOptions options;
    std::shared_ptr<WeightStream> stream;  // where the options name streamed ranges
    std::vector<std::shared_ptr<const DeviceWeights>> lenders;
  };
  explicit CudaExecutable(Parts parts);
  ~CudaExecutable() override;

  std::span<const float> run(const Batch& batch, const PageTables& tables,
                             std::span<const float> boundary_in) override;
  std::uint32_t max_rows() const override { return parts_.options.max_rows; }
  void set_profiling(bool on) override { profiling_ = on; }
  std::vector<ProfileEntry> profile() const override;
  void reset_profile() override;
  Traffic traffic() const override;
  Upload upload() const override { return {{weights_->bytes()}, weights_->time()}; }
  std::uint64_t workspace_bytes() const override;
  std::shared_ptr<const DeviceWeights> weights() const { return weights_; }

 private:
  struct Shape {  // what a graph is captured for
    std::uint32_t rows = 0, logit_rows = 0;
    bool distinct = false;  // each row of a sequence of its own
    bool deep = false;      // some row is at position kDeep or after
    auto operator<=>(const Shape&) const = default;
  };
  struct Line {
    Seconds time;
    Cost cost;
    std::uint64_t calls = 0;
  };
  void copy_in();
  void put_all();
  void put(const Planned& planned);
  void copy_out();
  cudaGraphExec_t graph(const Shape& shape);
  void drop_graphs();
  void run_profiled(const Batch& batch);

  Parts parts_;
  SegmentEnds ends_;
  std::vector<Planned> plan_;
  std::shared_ptr<DeviceWeights> weights_;
  std::size_t first_piece_ = 0;  // of the stream's pieces: one for each streamed range
  BatchRows rows_;
  WorkRunner runner_;
  Shared<PinnedMemory> boundary_, result_;
  Shape shape_{};
  std::set<Shape> seen_;  // run once: their kernels are loaded, so that they can be captured
  std::map<Shape, cudaGraphExec_t> graphs_;
  TrafficCount traffic_;

  bool profiling_ = false;
  std::vector<cudaEvent_t> events_;  // around each line
  std::vector<Line> lines_;          // of the plan, then copies, then launches and gaps
};

}  // namespace ceiling::cuda
