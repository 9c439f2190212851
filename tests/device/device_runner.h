// A model on one device, for tests: any steps of its Program, any rows.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "device/device.h"
#include "model/architecture.h"

namespace ceiling::test {

struct RunnerOptions {
  std::size_t begin = 0, end = 0;  // steps; end 0: all
  KvType kv = KvType::f16;
  std::uint32_t positions = 256;  // of each sequence
  std::uint32_t sequences = 1;
  std::uint32_t max_rows = 64;
  std::vector<StepRange> streamed = {};
};

class DeviceRunner {
 public:
  DeviceRunner(const std::shared_ptr<const gguf::File>& file, std::shared_ptr<Device> device,
               const RunnerOptions& options = {})
      : DeviceRunner(build_program(*file), file, std::move(device), options) {}

  DeviceRunner(Program program, const std::shared_ptr<const gguf::File>& file,
               std::shared_ptr<Device> device, const RunnerOptions& options = {})
      : program_(std::move(program)), device_(std::move(device)) {
    const std::size_t end = options.end == 0 ? program_.steps.size() : options.end;
    const std::uint32_t each = options.positions / 16 + 1;  // no device has smaller pages
    kv_ =
        device_->make_kv_store(program_, options.begin, end, options.kv, each * options.sequences);
    executable_ =
        device_->compile(program_, Weights::bind(program_, file), options.begin, end, *kv_,
                         {.max_rows = options.max_rows,
                          .max_logit_rows = options.max_rows,
                          .streamed = options.streamed});
    tables_.resize(options.sequences);
    std::uint32_t next = each * options.sequences;  // not in order of their use
    for (auto& table : tables_) {
      for (std::uint32_t i = 0; i < each; ++i) table.push_back(--next);
    }
  }

  // Rows of one sequence from `position`, with the logits of all.
  static Batch rows(std::span<const std::int32_t> tokens, std::uint32_t position,
                    std::uint32_t sequence = 0) {
    Batch batch = shape_batch(position, static_cast<std::uint32_t>(tokens.size()), sequence);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      batch.rows[i].token = tokens[i];
      batch.rows[i].logits = true;
    }
    return batch;
  }

  std::vector<float> run(const Batch& batch, std::span<const float> boundary = {}) {
    const std::span<const float> out = executable_->run(batch, tables_, boundary);
    return {out.begin(), out.end()};
  }

  // All tokens as one sequence from position 0, `chunk` rows at a time: logits of each.
  std::vector<float> prefill(std::span<const std::int32_t> tokens, std::size_t chunk,
                             std::uint32_t sequence = 0) {
    std::vector<float> logits;
    for (std::size_t begin = 0; begin < tokens.size(); begin += chunk) {
      const std::size_t count = std::min(chunk, tokens.size() - begin);
      const std::vector<float> out =
          run(rows(tokens.subspan(begin, count), static_cast<std::uint32_t>(begin), sequence));
      logits.insert(logits.end(), out.begin(), out.end());
    }
    return logits;
  }

  const Program& program() const { return program_; }
  Executable& executable() { return *executable_; }
  KvStore& kv() { return *kv_; }
  PageTables& tables() { return tables_; }

 private:
  Program program_;
  std::shared_ptr<Device> device_;
  std::unique_ptr<KvStore> kv_;
  std::unique_ptr<Executable> executable_;
  PageTables tables_;
};

}  // namespace ceiling::test
