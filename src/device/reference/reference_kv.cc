#include "device/reference/reference_kv.h"

#include <cstring>
#include <variant>

#include "base/error.h"
#include "quant/half.h"

namespace ceiling::reference {
namespace {

constexpr std::uint32_t kPagePositions = 64;  // as every device: they hand pages to each other

}  // namespace

ReferenceKv::ReferenceKv(const Program& program, std::size_t begin_step, std::size_t end_step,
                         std::uint32_t pages)
    : layouts_(program.kv.size()), pages_(pages) {
  for (std::size_t i = begin_step; i < end_step; ++i) {
    const auto* append = std::get_if<KvAppend>(&program.steps[i].operation);
    if (append == nullptr) continue;
    const KvState& state = program.kv[append->kv];
    Layout& layout = layouts_[append->kv];
    layout.key_width = std::size_t{state.kv_heads} * state.key_width;
    layout.value_width = std::size_t{state.kv_heads} * state.value_width;
    layout.keys = page_floats_;
    layout.values = layout.keys + kPagePositions * layout.key_width;
    page_floats_ = layout.values + kPagePositions * layout.value_width;
  }
}

std::uint32_t ReferenceKv::page_positions() const { return kPagePositions; }
std::uint32_t ReferenceKv::page_count() const { return static_cast<std::uint32_t>(pages_.size()); }
std::uint64_t ReferenceKv::page_bytes() const { return page_floats_ * sizeof(float); }

std::vector<float>& ReferenceKv::floats(std::uint32_t page) {
  std::vector<float>& out = pages_.at(page);
  if (out.empty()) out.resize(page_floats_);
  return out;
}

float* ReferenceKv::key(KvId kv, std::uint32_t page, std::uint32_t slot) {
  return floats(page).data() + layouts_[kv].keys + slot * layouts_[kv].key_width;
}

float* ReferenceKv::value(KvId kv, std::uint32_t page, std::uint32_t slot) {
  return floats(page).data() + layouts_[kv].values + slot * layouts_[kv].value_width;
}

void ReferenceKv::copy_page(std::uint32_t from, std::uint32_t to) { floats(to) = floats(from); }

std::uint64_t ReferenceKv::canonical_page_bytes() const {
  return page_floats_ * sizeof(std::uint16_t);
}

void ReferenceKv::export_page(std::uint32_t page, std::span<std::byte> canonical) const {
  if (canonical.size() != canonical_page_bytes()) {
    fail(ExitCode::failed, "a KV page of {} bytes was asked into {} bytes", canonical_page_bytes(),
         canonical.size());
  }
  const std::vector<float>& in = pages_.at(page);
  for (std::size_t i = 0; i < page_floats_; ++i) {
    const std::uint16_t half = in.empty() ? std::uint16_t{0} : float_to_half(in[i]);
    std::memcpy(canonical.data() + i * sizeof half, &half, sizeof half);
  }
}

void ReferenceKv::import_page(std::uint32_t page, std::span<const std::byte> canonical) {
  if (canonical.size() != canonical_page_bytes()) {
    fail(ExitCode::failed, "a KV page has {} bytes, expected {}", canonical.size(),
         canonical_page_bytes());
  }
  std::vector<float>& out = floats(page);
  for (std::size_t i = 0; i < page_floats_; ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, canonical.data() + i * sizeof half, sizeof half);
    out[i] = half_to_float(half);
  }
}

}  // namespace ceiling::reference
