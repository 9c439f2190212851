// One operation of a Program at a time, over float32 rows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "device/reference/reference_kv.h"

namespace ceiling::reference {

class Interpreter {
 public:
  Interpreter(const Program& program, std::shared_ptr<const Weights> weights, ReferenceKv& kv)
      : program_(program), weights_(std::move(weights)), kv_(kv), values_(program.values.size()) {}

  // The batch and the tables must outlive the run() calls that follow.
  void begin(const Batch& batch, const PageTables& tables);
  void run(const Operation& operation);

  std::size_t rows(ValueId value) const;
  std::span<float> value(ValueId value);  // [rows, width]; sized on first use in a batch

 private:
  void apply(const Embed& o);
  void apply(const RmsNorm& o);
  void apply(const MatMul& o);
  void apply(const Rope& o);
  void apply(const KvAppend& o);
  void apply(const Attention& o);
  void apply(const GatedActivation& o);
  void apply(const Add& o);
  void apply(const SelectRows& o);
  void apply(const SoftCap& o);
  void apply(const Route& o);
  void apply(const GroupedMatMul& o);

  void attend(const Attention& o, const BatchRow& row, const float* query, float* out);
  std::uint32_t page_of(const BatchRow& row, std::uint32_t position) const;
  std::size_t width(ValueId value) const { return program_.values[value].width; }
  std::span<float> row(ValueId id, std::size_t i) {
    return value(id).subspan(i * width(id), width(id));
  }
  // Row `row` of group `group`, as float32.
  void dequantise(WeightId weight, std::uint64_t group, std::uint64_t row, float* out) const;
  std::vector<float> vector(WeightId weight) const;

  const Program& program_;
  std::shared_ptr<const Weights> weights_;
  ReferenceKv& kv_;
  const Batch* batch_ = nullptr;
  const PageTables* tables_ = nullptr;
  std::size_t logit_rows_ = 0;
  std::vector<std::vector<float>> values_;
};

}  // namespace ceiling::reference
