// Planned work, put on the stream: activations' places, workspaces, and which kernels do what.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "device/cuda/batch_rows.h"
#include "device/cuda/context.h"
#include "device/cuda/kv_store.h"
#include "device/cuda/memory.h"
#include "device/cuda/upload.h"
#include "device/plan.h"

namespace ceiling::cuda {

// More than a WorkRunner of any segment allocates, graphs and cuBLAS included.
std::uint64_t most_workspace(const Program& program, const CompileOptions& options);

class WorkRunner {
 public:
  WorkRunner(std::shared_ptr<Context> context, const Program& program,
             std::shared_ptr<const DeviceWeights> weights, std::vector<const CudaKvStore*> kv,
             const std::vector<Planned>& plan, const CompileOptions& options);

  // For the launches that follow. `prompt`: the rows are one sequence's positions in order.
  struct StepShape {
    std::uint32_t rows = 0, logit_rows = 0;
    bool prompt = false;
    bool distinct = false;  // each row of a sequence of its own
    bool deep = false;      // some row is at position kDeep or after
    bool overlap = false;
  };
  void begin(const Rows& rows, const StepShape& shape);
  void put(const Work& work);

  float* value(ValueId id) const { return values_[id]; }
  std::uint32_t rows_of(ValueId id) const;
  std::uint64_t workspace_bytes() const;

 private:
  void allocate_values(const CompileOptions& options);
  void allocate_workspaces(const std::vector<Planned>& plan, const CompileOptions& options);
  void grow_for(const Products& work, std::uint32_t rows);
  void find_bound(const RmsNorm& norm);
  const KvLayer& layer(KvId kv) const;

  void put_one(const Products& work);
  void put_one(const Turns& work);
  void put_one(const Embed& o);
  void put_one(const RmsNorm& o);
  void put_one(const Attention& o);
  void put_one(const GatedActivation& o);
  void put_one(const Add& o);
  void put_one(const SelectRows& o);
  void put_one(const SoftCap& o);
  void put_one(const Route& o);
  void put_one(const GroupedMatMul& o);

  Matvec matvec(const Products& work, std::uint32_t n) const;
  void few(const Matvec& whole);
  void many(const Products& work, std::uint32_t n);
  void multiply(const Gemm& whole, const Matrix& matrix, float* product, bool scaled);
  Turn turn(const Turns::Part& part);
  Attend attend(const Attention& o) const;
  void add_frequencies(const std::optional<Turns::Part>& part);
  const double* frequencies(const Rope& rope) const;

  std::shared_ptr<Context> context_;
  const Program& program_;
  std::shared_ptr<const DeviceWeights> weights_;
  std::vector<const CudaKvStore*> kv_;
  Stage stage_;
  Rows rows_;
  std::uint32_t count_ = 0, logit_rows_ = 0;
  bool prompt_ = false, distinct_ = false, deep_ = false;
  std::optional<GatedActivation> waiting_gate_;  // its products are there, it is not

  Shared<DeviceMemory> value_memory_;
  std::vector<float*> values_;
  std::uint64_t half_bytes_ = 0, panel_bytes_ = 0;
  Shared<DeviceMemory> halves_, row_scales_, panel_, partials_, finished_;
  struct Frequencies {
    Rope rope;
    DeviceMemory table;
  };
  std::vector<Frequencies> frequencies_;
  std::map<WeightId, bool> bounded_;  // norms whose rows fit float16, whatever they are
};

}  // namespace ceiling::cuda
