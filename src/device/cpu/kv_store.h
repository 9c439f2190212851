// The CPU's KV cache. A page of one KvState holds, for each KV head, the keys by element and the
// values by position (kernels/row_kernels.h says why), so that attention streams them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/cpu/kernels/row_kernels.h"
#include "device/device.h"
#include "os/memory_map.h"

namespace ceiling::cpu {

class CpuKvStore final : public KvStore {
 public:
  // States that the steps [begin_step, end_step) touch. Throws Error(failed) without memory.
  CpuKvStore(const Program& program, std::size_t begin_step, std::size_t end_step, KvType type,
             std::uint32_t pages, const RowKernels& kernels);

  std::uint32_t page_positions() const override { return kPagePositions; }
  std::uint32_t page_count() const override { return pages_; }
  std::uint64_t page_bytes() const override { return page_bytes_; }
  void copy_page(std::uint32_t from, std::uint32_t to) override;
  std::uint64_t canonical_page_bytes() const override { return canonical_bytes_; }
  void export_page(std::uint32_t page, std::span<std::byte> canonical) const override;
  void import_page(std::uint32_t page, std::span<const std::byte> canonical) override;

  KvType type() const { return type_; }
  bool holds(KvId kv) const { return kv < states_.size() && states_[kv].page_bytes != 0; }
  std::size_t value_pitch(KvId kv) const { return states_[kv].value_pitch; }

  // One head's key and value of one position; `slot` counts within the page. Threads may write
  // different positions or heads at the same time.
  void write(KvId kv, std::uint32_t page, std::uint32_t slot, std::uint32_t head, const float* key,
             const float* value);
  HalfPage half_page(KvId kv, std::uint32_t page, std::uint32_t head) const;  // of a f16 store
  Q8Page q8_page(KvId kv, std::uint32_t page, std::uint32_t head) const;      // of a q8_0 store

 private:
  struct State {
    KvState shape;
    std::size_t value_pitch = 0;  // elements
    std::size_t head_bytes = 0;   // of one head in a page
    std::size_t values_at = 0;    // offsets within these
    std::size_t key_scales_at = 0, value_scales_at = 0;
    std::size_t page_bytes = 0;  // of this state; 0: not of this segment
    std::size_t offset = 0;      // of page 0
  };
  struct Unpacked {
    const float* keys;  // laid out as in the page
    const float* values;
  };
  void lay_out(State& state) const;
  std::size_t unpacked_floats(KvId kv) const;
  Unpacked unpack(KvId kv, std::uint32_t page, std::uint32_t head, float* scratch) const;
  std::byte* head_at(const State& state, std::uint32_t page, std::uint32_t head) const;
  void write_half(const State& state, std::byte* at, std::uint32_t slot, const float* key,
                  const float* value);
  void write_q8(const State& state, std::byte* at, std::uint32_t slot, const float* key,
                const float* value);

  KvType type_;
  std::uint32_t pages_;
  const RowKernels* kernels_;
  std::vector<State> states_;  // by KvId
  std::uint64_t page_bytes_ = 0;
  std::uint64_t canonical_bytes_ = 0;
  os::AnonymousMemory memory_;
};

}  // namespace ceiling::cpu
