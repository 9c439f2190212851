// A segment compiled for a Vulkan device: the commands of a step are recorded for each shape of
// batch and run again; tokens, positions and pages come from a buffer.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "device/device.h"
#include "device/row_words.h"
#include "device/segment_ends.h"
#include "device/traffic.h"
#include "device/vulkan/pipelines.h"
#include "device/vulkan/work_runner.h"

namespace ceiling::vulkan {

class VulkanExecutable final : public Executable {
 public:
  struct Parts {
    std::shared_ptr<const Context> context;
    std::shared_ptr<Pipelines> pipelines;
    Program program;
    std::shared_ptr<const DeviceWeights> weights;
    std::size_t begin, end;
    VulkanKvStore* kv;
    CompileOptions options;
  };
  explicit VulkanExecutable(Parts parts);

  std::span<const float> run(const Batch& batch, const PageTables& tables,
                             std::span<const float> boundary_in) override;
  std::uint32_t max_rows() const override { return parts_.options.max_rows; }
  void set_profiling(bool on) override { profiling_ = on; }
  std::vector<ProfileEntry> profile() const override;
  void reset_profile() override;
  Traffic traffic() const override;
  Upload upload() const override;
  std::uint64_t workspace_bytes() const override;

 private:
  struct Shape {
    std::uint32_t rows = 0, logit_rows = 0;
    bool prompt = false;
    auto operator<=>(const Shape&) const = default;
  };
  struct Line {
    Seconds time;
    Cost cost;
    std::uint64_t calls = 0;
  };
  std::unique_ptr<Recording> record(const Shape& shape, std::uint32_t marks);
  const Recording& recorded(const Shape& shape);
  void copy_in(Recording& recording, StepRows rows);
  void copy_out(Recording& recording, StepRows rows);
  void fill_rows(const Batch& batch, const PageTables& tables);
  void run_profiled(const Shape& shape, const Batch& batch);

  Parts parts_;
  SegmentEnds ends_;
  std::vector<Planned> plan_;
  RowLayout layout_;
  WorkRunner runner_;
  Buffer words_, words_there_, boundary_, result_;
  std::map<Shape, std::unique_ptr<Recording>> recordings_;
  TrafficCount traffic_;

  bool profiling_ = false;
  std::vector<Line> lines_;  // of the plan, then copies, then launches and gaps
};

}  // namespace ceiling::vulkan
