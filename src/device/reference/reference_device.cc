#include "device/reference/reference_device.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "base/error.h"
#include "device/reference/interpreter.h"

namespace ceiling {
namespace {

using reference::Interpreter;
using reference::ReferenceKv;

class ReferenceExecutable : public Executable {
 public:
  ReferenceExecutable(const Program& program, std::shared_ptr<const Weights> weights,
                      std::size_t begin, std::size_t end, ReferenceKv& kv,
                      const CompileOptions& options)
      : program_(program),
        begin_(begin),
        end_(end),
        options_(options),
        inputs_(values_across(program, begin)),
        outputs_(values_across(program, end)),
        interpreter_(program_, std::move(weights), kv) {
    if (end_ == program_.steps.size()) outputs_ = {program_.logits};
    spent_.resize(program_.steps.size());
  }

  std::span<const float> run(const Batch& batch, const PageTables& tables,
                             std::span<const float> boundary_in) override {
    check(batch);
    interpreter_.begin(batch, tables);
    receive(boundary_in);
    const std::vector<Cost> costs = cost_by_step(program_, batch);
    for (std::size_t i = begin_; i < end_; ++i) {
      const auto start = std::chrono::steady_clock::now();
      interpreter_.run(program_.steps[i].operation);
      record(i, costs[i], std::chrono::steady_clock::now() - start);
    }
    return hand_on();
  }

  std::uint32_t max_rows() const override { return options_.max_rows; }
  void set_profiling(bool on) override { profiling_ = on; }
  void reset_profile() override { spent_.assign(program_.steps.size(), {}); }
  Traffic traffic() const override { return traffic_; }

  std::uint64_t workspace_bytes() const override {
    std::uint64_t total = 0;
    for (const Value& value : program_.values) {
      const std::uint64_t rows =
          value.rows == RowSet::batch ? options_.max_rows : options_.max_logit_rows;
      total += rows * value.width * sizeof(float);
    }
    return total;
  }

  std::vector<ProfileEntry> profile() const override {
    std::map<std::string, ProfileEntry> entries;
    for (std::size_t i = begin_; i < end_; ++i) {
      const std::string label = label_of(program_.steps[i].operation);
      ProfileEntry& entry = entries[label];
      entry.label = label;
      entry.steps.push_back(i);
      entry.time.value += spent_[i].seconds;
      entry.bytes += spent_[i].bytes;
      entry.operations += spent_[i].operations;
      entry.calls += spent_[i].calls;
    }
    std::vector<ProfileEntry> out;
    out.reserve(entries.size());
    for (auto& [label, entry] : entries) out.push_back(std::move(entry));
    return out;
  }

 private:
  struct Spent {
    double seconds = 0;
    std::uint64_t bytes = 0;
    double operations = 0;
    std::uint64_t calls = 0;
  };

  std::string label_of(const Operation& operation) const {
    const auto* product = std::get_if<MatMul>(&operation);
    if (product == nullptr) return std::string(kind_name(operation));
    return fmt::format("matmul {}", name(program_.weights[product->weight].type));
  }

  void check(const Batch& batch) const {
    if (batch.rows.size() > options_.max_rows || batch.logit_rows() > options_.max_logit_rows) {
      fail(ExitCode::failed, "a step of {} rows, {} with logits, was asked; compiled for {} and {}",
           batch.rows.size(), batch.logit_rows(), options_.max_rows, options_.max_logit_rows);
    }
  }

  void receive(std::span<const float> boundary) {
    for (const ValueId id : inputs_) {
      const std::span<float> into = interpreter_.value(id);
      if (boundary.size() < into.size()) {
        fail(ExitCode::failed, "{} floats cross into step {}, expected {} for '{}'",
             boundary.size(), begin_, into.size(), program_.values[id].name);
      }
      std::ranges::copy(boundary.first(into.size()), into.begin());
      boundary = boundary.subspan(into.size());
    }
  }

  std::span<const float> hand_on() {
    result_.clear();
    for (const ValueId id : outputs_) {
      const std::span<const float> value = interpreter_.value(id);
      result_.insert(result_.end(), value.begin(), value.end());
    }
    return result_;
  }

  void record(std::size_t step, const Cost& cost, std::chrono::duration<double> time) {
    traffic_.weight_bytes += cost.weight_bytes;
    traffic_.kv_bytes += cost.kv_read_bytes + cost.kv_write_bytes;
    if (!profiling_) return;
    Spent& spent = spent_[step];
    spent.seconds += time.count();
    spent.bytes += cost.read_bytes();
    spent.operations += cost.operations;
    ++spent.calls;
  }

  const Program program_;
  std::size_t begin_, end_;
  CompileOptions options_;
  std::vector<ValueId> inputs_, outputs_;
  Interpreter interpreter_;
  std::vector<float> result_;
  bool profiling_ = false;
  std::vector<Spent> spent_;  // by step
  Traffic traffic_;
};

class ReferenceDevice : public Device {
 public:
  std::string name() const override { return "reference"; }
  std::string description() const override { return "float32 interpreter, one thread"; }
  Residency residency(const Program&, WeightId) const override { return Residency::shared; }

  std::unique_ptr<KvStore> make_kv_store(const Program& program, std::size_t begin_step,
                                         std::size_t end_step, KvType,
                                         std::uint32_t pages) override {
    return std::make_unique<ReferenceKv>(program, begin_step, end_step, pages);
  }

  std::unique_ptr<Executable> compile(const Program& program,
                                      std::shared_ptr<const Weights> weights,
                                      std::size_t begin_step, std::size_t end_step, KvStore& kv,
                                      const CompileOptions& options) override {
    auto* own = dynamic_cast<ReferenceKv*>(&kv);
    if (own == nullptr) fail(ExitCode::failed, "the KV cache belongs to another device");
    return std::make_unique<ReferenceExecutable>(program, std::move(weights), begin_step, end_step,
                                                 *own, options);
  }
};

}  // namespace

std::unique_ptr<Device> make_reference_device() { return std::make_unique<ReferenceDevice>(); }

}  // namespace ceiling
