#include "device/cpu/kv_store.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "quant/half.h"

namespace ceiling::cpu {
namespace {

constexpr std::size_t kVectorElements = 16;  // rows of values end on whole vectors

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }
std::size_t scales(std::size_t width) { return (width + kQ8Elements - 1) / kQ8Elements; }

template <typename T>
T* at(std::byte* base, std::size_t offset) {
  return reinterpret_cast<T*>(base + offset);
}

}  // namespace

CpuKvStore::CpuKvStore(const Program& program, std::size_t begin_step, std::size_t end_step,
                       KvType type, std::uint32_t pages, const RowKernels& kernels)
    : type_(type), pages_(pages), kernels_(&kernels), states_(program.kv.size()) {
  for (std::size_t i = begin_step; i < end_step; ++i) {
    const Operation& operation = program.steps[i].operation;
    if (const auto* append = std::get_if<KvAppend>(&operation)) {
      states_[append->kv].shape = program.kv[append->kv];
    } else if (const auto* attention = std::get_if<Attention>(&operation)) {
      states_[attention->kv].shape = program.kv[attention->kv];
    }
  }
  std::size_t offset = 0;
  for (State& state : states_) {
    if (state.shape.kv_heads == 0) continue;
    lay_out(state);
    state.offset = offset;
    const auto bytes = checked_mul(state.page_bytes, pages);
    const auto next = bytes ? checked_add(offset, *bytes) : std::nullopt;
    if (!next)
      fail(ExitCode::failed, "a KV cache of {} pages is too large; ask for less context", pages);
    offset = *next;
    page_bytes_ += state.page_bytes;
    canonical_bytes_ += std::uint64_t{2} * kPagePositions * state.shape.kv_heads *
                        (state.shape.key_width + state.shape.value_width);
  }
  if (offset != 0) memory_ = os::AnonymousMemory(offset);
}

void CpuKvStore::lay_out(State& state) const {
  const std::size_t keys = state.shape.key_width;
  const std::size_t values = state.shape.value_width;
  state.value_pitch = round_up(values, kVectorElements);
  const std::size_t element = type_ == KvType::f16 ? 2 : 1;
  state.values_at = keys * kPagePositions * element;
  state.key_scales_at = state.values_at + kPagePositions * state.value_pitch * element;
  state.value_scales_at = state.key_scales_at;
  state.head_bytes = state.key_scales_at;
  if (type_ == KvType::q8_0) {
    state.value_scales_at += scales(keys) * kPagePositions * 2;
    state.head_bytes = state.value_scales_at + scales(values) * kPagePositions * 2;
  }
  state.page_bytes = state.head_bytes * state.shape.kv_heads;
}

std::byte* CpuKvStore::head_at(const State& state, std::uint32_t page, std::uint32_t head) const {
  assert(page < pages_ && head < state.shape.kv_heads);
  return memory_.data() + state.offset + page * state.page_bytes + head * state.head_bytes;
}

void CpuKvStore::copy_page(std::uint32_t from, std::uint32_t to) {
  for (const State& state : states_) {
    if (state.page_bytes == 0) continue;
    std::memcpy(head_at(state, to, 0), head_at(state, from, 0), state.page_bytes);
  }
}

std::size_t CpuKvStore::unpacked_floats(KvId kv) const {
  return kPagePositions * (states_[kv].shape.key_width + states_[kv].value_pitch);
}

void CpuKvStore::write(KvId kv, std::uint32_t page, std::uint32_t slot, std::uint32_t head,
                       const float* key, const float* value) {
  const State& state = states_[kv];
  std::byte* const block = head_at(state, page, head);
  if (type_ == KvType::f16) {
    write_half(state, block, slot, key, value);
  } else {
    write_q8(state, block, slot, key, value);
  }
}

void CpuKvStore::write_half(const State& state, std::byte* block, std::uint32_t slot,
                            const float* key, const float* value) {
  auto* keys = at<std::uint16_t>(block, 0) + slot;
  constexpr std::size_t kPiece = 64;
  std::uint16_t piece[kPiece];
  for (std::size_t first = 0; first < state.shape.key_width; first += kPiece) {
    const std::size_t count = std::min(kPiece, state.shape.key_width - first);
    kernels_->to_half(key + first, count, piece);
    for (std::size_t i = 0; i < count; ++i) keys[(first + i) * kPagePositions] = piece[i];
  }
  kernels_->to_half(value, state.shape.value_width,
                    at<std::uint16_t>(block, state.values_at) + slot * state.value_pitch);
}

void CpuKvStore::write_q8(const State& state, std::byte* block, std::uint32_t slot,
                          const float* key, const float* value) {
  auto* keys = at<std::int8_t>(block, 0) + slot;
  auto* key_scales = at<std::uint16_t>(block, state.key_scales_at) + slot;
  for (std::size_t b = 0; b < scales(state.shape.key_width); ++b) {
    const std::size_t first = b * kQ8Elements;
    const std::size_t count = std::min(kQ8Elements, state.shape.key_width - first);
    std::int8_t levels[kQ8Elements];
    key_scales[b * kPagePositions] = kernels_->to_q8(key + first, count, levels);
    for (std::size_t i = 0; i < count; ++i) keys[(first + i) * kPagePositions] = levels[i];
  }
  auto* values = at<std::int8_t>(block, state.values_at) + slot * state.value_pitch;
  const std::size_t value_scales = scales(state.shape.value_width);
  for (std::size_t b = 0; b < value_scales; ++b) {
    const std::size_t first = b * kQ8Elements;
    const std::size_t count = std::min(kQ8Elements, state.shape.value_width - first);
    at<std::uint16_t>(block, state.value_scales_at)[slot * value_scales + b] =
        kernels_->to_q8(value + first, count, values + first);
  }
}

HalfPage CpuKvStore::half_page(KvId kv, std::uint32_t page, std::uint32_t head) const {
  assert(type_ == KvType::f16);
  const State& state = states_[kv];
  std::byte* const block = head_at(state, page, head);
  return {at<std::uint16_t>(block, 0), at<std::uint16_t>(block, state.values_at)};
}

Q8Page CpuKvStore::q8_page(KvId kv, std::uint32_t page, std::uint32_t head) const {
  assert(type_ == KvType::q8_0);
  const State& state = states_[kv];
  std::byte* const block = head_at(state, page, head);
  return {.keys = at<std::int8_t>(block, 0),
          .values = at<std::int8_t>(block, state.values_at),
          .key_scales = at<std::uint16_t>(block, state.key_scales_at),
          .value_scales = at<std::uint16_t>(block, state.value_scales_at),
          .value_scale_count = scales(state.shape.value_width)};
}

CpuKvStore::Unpacked CpuKvStore::unpack(KvId kv, std::uint32_t page, std::uint32_t head,
                                        float* scratch) const {
  const State& state = states_[kv];
  std::byte* const block = head_at(state, page, head);
  const std::size_t keys = state.shape.key_width * kPagePositions;
  const std::size_t values = state.value_pitch * kPagePositions;
  if (type_ == KvType::f16) {
    const auto* stored = at<std::uint16_t>(block, 0);  // values follow the keys
    for (std::size_t i = 0; i < keys + values; ++i) scratch[i] = half_to_float(stored[i]);
    return {scratch, scratch + keys};
  }
  const auto* q = at<std::int8_t>(block, 0);
  const auto* key_scales = at<std::uint16_t>(block, state.key_scales_at);
  for (std::size_t e = 0; e < state.shape.key_width; ++e) {
    const std::uint16_t* scale = key_scales + e / kQ8Elements * kPagePositions;
    for (std::size_t p = 0; p < kPagePositions; ++p) {
      const std::size_t i = e * kPagePositions + p;
      scratch[i] = half_to_float(scale[p]) * static_cast<float>(q[i]);
    }
  }
  const auto* v = at<std::int8_t>(block, state.values_at);
  const auto* value_scales = at<std::uint16_t>(block, state.value_scales_at);
  const std::size_t per_value = scales(state.shape.value_width);
  for (std::size_t p = 0; p < kPagePositions; ++p) {
    for (std::size_t e = 0; e < state.value_pitch; ++e) {
      const std::size_t b = std::min(e / kQ8Elements, per_value - 1);
      const std::size_t i = p * state.value_pitch + e;
      scratch[keys + i] = half_to_float(value_scales[p * per_value + b]) * static_cast<float>(v[i]);
    }
  }
  return {scratch, scratch + keys};
}

void CpuKvStore::export_page(std::uint32_t page, std::span<std::byte> canonical) const {
  assert(canonical.size() == canonical_bytes_);
  std::vector<float> scratch;
  auto* out = reinterpret_cast<std::uint16_t*>(canonical.data());
  for (KvId kv = 0; kv < states_.size(); ++kv) {
    const State& state = states_[kv];
    if (state.page_bytes == 0) continue;
    const std::size_t heads = state.shape.kv_heads;
    const std::size_t keys = state.shape.key_width;
    const std::size_t values = state.shape.value_width;
    std::uint16_t* const out_values = out + kPagePositions * heads * keys;
    scratch.resize(unpacked_floats(kv));
    for (std::uint32_t h = 0; h < heads; ++h) {
      const Unpacked view = unpack(kv, page, h, scratch.data());
      for (std::size_t p = 0; p < kPagePositions; ++p) {
        for (std::size_t e = 0; e < keys; ++e) {
          out[(p * heads + h) * keys + e] = float_to_half(view.keys[e * kPagePositions + p]);
        }
        for (std::size_t e = 0; e < values; ++e) {
          out_values[(p * heads + h) * values + e] =
              float_to_half(view.values[p * state.value_pitch + e]);
        }
      }
    }
    out = out_values + kPagePositions * heads * values;
  }
}

void CpuKvStore::import_page(std::uint32_t page, std::span<const std::byte> canonical) {
  assert(canonical.size() == canonical_bytes_);
  const auto* in = reinterpret_cast<const std::uint16_t*>(canonical.data());
  std::vector<float> key;
  std::vector<float> value;
  for (KvId kv = 0; kv < states_.size(); ++kv) {
    const State& state = states_[kv];
    if (state.page_bytes == 0) continue;
    const std::size_t heads = state.shape.kv_heads;
    key.resize(state.shape.key_width);
    value.resize(state.shape.value_width);
    const std::uint16_t* const in_values = in + kPagePositions * heads * key.size();
    for (std::uint32_t p = 0; p < kPagePositions; ++p) {
      for (std::uint32_t h = 0; h < heads; ++h) {
        const std::size_t head = p * heads + h;
        for (std::size_t e = 0; e < key.size(); ++e) {
          key[e] = half_to_float(in[head * key.size() + e]);
        }
        for (std::size_t e = 0; e < value.size(); ++e) {
          value[e] = half_to_float(in_values[head * value.size() + e]);
        }
        write(kv, page, p, h, key.data(), value.data());
      }
    }
    in = in_values + kPagePositions * heads * value.size();
  }
}

}  // namespace ceiling::cpu
