// A segment compiled for the CPU: its plan, its memory, and the runs of it.
#pragma once

#include <memory>

#include "device/cpu/kv_store.h"
#include "device/cpu/places.h"
#include "device/cpu/run_phases.h"
#include "device/cpu/run_products.h"
#include "device/cpu/thread_pool.h"
#include "device/device.h"
#include "device/traffic.h"

namespace ceiling::cpu {

class CpuExecutable final : public Executable {
 public:
  struct Parts {
    Program program;
    std::shared_ptr<const Weights> weights;
    std::size_t begin, end;
    CpuKvStore* kv;
    std::shared_ptr<ThreadPool> pool;
    Isa isa;
    CompileOptions options;
  };
  explicit CpuExecutable(Parts parts);

  std::span<const float> run(const Batch& batch, const PageTables& tables,
                             std::span<const float> boundary_in) override;
  std::uint32_t max_rows() const override { return parts_.options.max_rows; }
  void set_profiling(bool on) override;
  std::vector<ProfileEntry> profile() const override;
  void reset_profile() override;
  Traffic traffic() const override;
  std::uint64_t workspace_bytes() const override { return shared_.size() + own_.size(); }
  void set_added_work(const AddedWork& work) override;
  void stop_added_work() override { machine_.added.reset(); }

 private:
  void allocate();
  void set_slots(const Places& places, float* shared, float* own, std::vector<Slot>& slots) const;
  void check(const Batch& batch, const PageTables& tables,
             std::span<const float> boundary_in) const;
  void set_up(const Batch& batch, const PageTables& tables);
  void take_in(std::span<const float> boundary_in);
  std::span<const float> hand_out();
  void count_lines(const Batch& batch);
  static void thread_main(void* self, Team& team);

  Parts parts_;
  Flow flow_;
  Plan plan_;
  Machine machine_;
  std::size_t rows_of_block_ = 1;
  os::AnonymousMemory shared_, own_;
  os::AnonymousMemory added_;  // what AddedWork reads; each thread a part of its own
  StepState step_;
  std::vector<ThreadState> threads_;
  std::vector<std::uint32_t> sequences_;  // of the batch
  std::vector<float> handed_out_;

  TrafficCount traffic_;
  bool attends_ = false;

  bool profiling_ = false;
  std::uint64_t started_ = 0;
  TickRate rate_;
  std::vector<Cost> line_costs_;
};

}  // namespace ceiling::cpu
