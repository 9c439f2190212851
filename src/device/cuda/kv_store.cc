#include "device/cuda/kv_store.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <variant>

#include "base/error.h"
#include "device/cuda/check.h"
#include "quant/half.h"

namespace ceiling::cuda {
namespace {

constexpr std::uint64_t kAlignment = 128;
constexpr std::uint32_t kQ8Elements = 32;

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// One head's key or value at one position, in a page on the host.
class HostHead {
 public:
  HostHead(std::byte* page, const KvLayer& layer, const KvPlane& plane, std::uint32_t head,
           std::uint32_t position)
      : plane_(plane), quantised_(layer.type == KvType::q8_0) {
    const std::uint64_t slot = std::uint64_t{head} * layer.page_positions + position;
    elements_ = page + plane.offset + slot * plane.padded * (quantised_ ? 1 : 2);
    scales_ = page + plane.scales + slot * (plane.padded / kQ8Elements) * 2;
  }

  void to(std::byte* canonical) const {
    if (!quantised_) {
      std::memcpy(canonical, elements_, std::size_t{plane_.width} * 2);
      return;
    }
    for (std::size_t i = 0; i < plane_.width; ++i) {
      std::uint16_t scale = 0;
      std::memcpy(&scale, scales_ + i / kQ8Elements * 2, 2);
      const auto q = static_cast<std::int8_t>(elements_[i]);
      const std::uint16_t half = float_to_half(half_to_float(scale) * static_cast<float>(q));
      std::memcpy(canonical + i * 2, &half, 2);
    }
  }

  void from(const std::byte* canonical) const {
    if (!quantised_) {
      std::memcpy(elements_, canonical, std::size_t{plane_.width} * 2);
      return;
    }
    for (std::size_t begin = 0; begin < plane_.width; begin += kQ8Elements) {
      const std::size_t count = std::min<std::size_t>(kQ8Elements, plane_.width - begin);
      float values[kQ8Elements] = {};
      float largest = 0;
      for (std::size_t i = 0; i < count; ++i) {
        std::uint16_t half = 0;
        std::memcpy(&half, canonical + (begin + i) * 2, 2);
        values[i] = half_to_float(half);
        largest = std::max(largest, std::abs(values[i]));
      }
      const float inverse = largest > 0 ? 127.0F / largest : 0;
      for (std::size_t i = 0; i < count; ++i) {
        elements_[begin + i] = static_cast<std::byte>(std::lrint(values[i] * inverse));
      }
      const std::uint16_t scale = float_to_half(largest / 127.0F);
      std::memcpy(scales_ + begin / kQ8Elements * 2, &scale, 2);
    }
  }

 private:
  const KvPlane& plane_;
  bool quantised_;
  std::byte* elements_;
  std::byte* scales_;
};

// Each head of a page with its place in the canonical layout: visit(layer, plane, head, position,
// offset).
template <typename Visit>
void each_head(const std::vector<KvLayer>& layers, Visit visit) {
  std::size_t offset = 0;
  for (const KvLayer& layer : layers) {
    if (layer.base == nullptr) continue;
    for (const KvPlane* plane : {&layer.key, &layer.value}) {
      for (std::uint32_t position = 0; position < layer.page_positions; ++position) {
        for (std::uint32_t head = 0; head < layer.kv_heads; ++head) {
          visit(layer, *plane, head, position, offset);
          offset += std::size_t{plane->width} * 2;
        }
      }
    }
  }
}

}  // namespace

CudaKvStore::CudaKvStore(std::shared_ptr<Context> context, const Program& program,
                         std::size_t begin_step, std::size_t end_step, KvType type,
                         std::uint32_t pages)
    : context_(std::move(context)), type_(type), pages_(pages), layers_(program.kv.size()) {
  std::vector<KvId> held;
  for (std::size_t i = begin_step; i < end_step; ++i) {
    const auto* append = std::get_if<KvAppend>(&program.steps[i].operation);
    if (append == nullptr) continue;
    const KvState& state = program.kv[append->kv];
    KvLayer& layer = layers_[append->kv];
    layer.kv_heads = state.kv_heads;
    layer.page_positions = kPagePositions;
    layer.type = type;
    layer.key = plane(state.key_width, state.kv_heads);
    layer.value = plane(state.value_width, state.kv_heads);
    canonical_bytes_ +=
        std::uint64_t{kPagePositions} * state.kv_heads * (state.key_width + state.value_width) * 2;
    held.push_back(append->kv);
  }
  memory_ = DeviceMemory(page_bytes_ * pages, "the KV cache");
  for (const KvId kv : held) {
    layers_[kv].base = memory_.data();
    layers_[kv].page_bytes = page_bytes_;
  }
  if (memory_.size() > 0) {  // padding must not hold numbers that are none
    check(cudaMemsetAsync(memory_.data(), 0, memory_.size(), context_->stream()),
          "clearing the KV cache");
  }
}

KvPlane CudaKvStore::plane(std::uint32_t width, std::uint32_t kv_heads) {
  const std::uint32_t unit = type_ == KvType::f16 ? 16 : kQ8Elements;
  KvPlane out;
  out.width = width;
  out.padded = (width + unit - 1) / unit * unit;
  const std::uint64_t elements = std::uint64_t{kv_heads} * kPagePositions * out.padded;
  out.offset = page_bytes_;
  page_bytes_ += aligned(elements * (type_ == KvType::f16 ? 2 : 1));
  out.scales = page_bytes_;
  if (type_ == KvType::q8_0) page_bytes_ += aligned(elements / kQ8Elements * 2);
  return out;
}

void CudaKvStore::copy_page(std::uint32_t from, std::uint32_t to) {
  check(cudaMemcpyAsync(memory_.data() + to * page_bytes_, memory_.data() + from * page_bytes_,
                        page_bytes_, cudaMemcpyDeviceToDevice, context_->stream()),
        "copying a KV page");
}

void CudaKvStore::check_size(std::size_t bytes) const {
  if (bytes == canonical_bytes_) return;
  fail(ExitCode::failed, "a KV page has {} bytes, expected {}", bytes, canonical_bytes_);
}

void CudaKvStore::export_page(std::uint32_t page, std::span<std::byte> canonical) const {
  check_size(canonical.size());
  std::vector<std::byte> host(page_bytes_);
  context_->wait();
  check(cudaMemcpy(host.data(), memory_.data() + page * page_bytes_, page_bytes_,
                   cudaMemcpyDeviceToHost),
        "reading a KV page");
  each_head(layers_, [&](const KvLayer& layer, const KvPlane& plane, std::uint32_t head,
                         std::uint32_t position, std::size_t offset) {
    HostHead(host.data(), layer, plane, head, position).to(canonical.data() + offset);
  });
}

void CudaKvStore::import_page(std::uint32_t page, std::span<const std::byte> canonical) {
  check_size(canonical.size());
  std::vector<std::byte> host(page_bytes_);
  each_head(layers_, [&](const KvLayer& layer, const KvPlane& plane, std::uint32_t head,
                         std::uint32_t position, std::size_t offset) {
    HostHead(host.data(), layer, plane, head, position).from(canonical.data() + offset);
  });
  context_->wait();
  check(cudaMemcpy(memory_.data() + page * page_bytes_, host.data(), page_bytes_,
                   cudaMemcpyHostToDevice),
        "writing a KV page");
}

}  // namespace ceiling::cuda
