#include "gguf/file.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "gguf/cursor.h"
#include "gguf/read.h"
#include "os/memory_map.h"

namespace ceiling::gguf {
namespace {

constexpr std::uint64_t kDefaultAlignment = 32;

std::uint64_t read_alignment(const Metadata& metadata, const std::string& label) {
  const std::uint64_t alignment = metadata.u32("general.alignment").value_or(kDefaultAlignment);
  if (alignment < 8 || (alignment & (alignment - 1)) != 0) {
    fail(ExitCode::integrity, "'{}': general.alignment is {}; expected a power of two from 8",
         label, alignment);
  }
  return alignment;
}

// Indices of `tensors`, ordered by `key`.
template <typename Key>
std::vector<std::uint32_t> order_by(std::span<const TensorInfo> tensors, Key key) {
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, [&](std::uint32_t i) -> const auto& { return tensors[i].*key; });
  return order;
}

// Turns the stored offset into one from the start of the file, checked against the file's end.
void place(TensorInfo& tensor, std::uint64_t data_offset, std::uint64_t alignment,
           std::uint64_t file_bytes, const std::string& label) {
  if (tensor.offset % alignment != 0) {
    fail(ExitCode::integrity,
         "'{}': tensor '{}' is at offset {}; expected a multiple of the alignment, {}", label,
         tensor.name, tensor.offset, alignment);
  }
  const auto begin = checked_add(data_offset, tensor.offset);
  const auto end = begin ? checked_add(*begin, tensor.bytes) : std::nullopt;
  if (!end || *end > file_bytes) {
    fail(ExitCode::integrity,
         "'{}': tensor '{}' ({} bytes at offset {} of the tensor data) lies beyond the end of the "
         "file "
         "({} bytes): truncated or damaged; fetch it again",
         label, tensor.name, tensor.bytes, tensor.offset, file_bytes);
  }
  tensor.offset = *begin;
}

void refuse_overlaps(std::span<const TensorInfo> tensors, const std::string& label) {
  const auto order = order_by(tensors, &TensorInfo::offset);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& before = tensors[order[i - 1]];
    const TensorInfo& after = tensors[order[i]];
    if (after.offset < before.offset + before.bytes) {
      fail(ExitCode::integrity, "'{}': tensors '{}' and '{}' overlap at offset {}", label,
           before.name, after.name, after.offset);
    }
  }
}

void refuse_duplicates(std::span<const TensorInfo> tensors, std::span<const std::uint32_t> by_name,
                       const std::string& label) {
  for (std::size_t i = 1; i < by_name.size(); ++i) {
    if (tensors[by_name[i - 1]].name == tensors[by_name[i]].name) {
      fail(ExitCode::integrity, "'{}': tensor '{}' appears twice; expected once", label,
           tensors[by_name[i]].name);
    }
  }
}

}  // namespace

void File::parse_all() {
  Cursor cursor(bytes_, label_);
  const Front front = read_front(cursor, label_);
  version_ = front.version;
  metadata_ = read_metadata(cursor, front.key_count, label_);
  alignment_ = read_alignment(metadata_, label_);
  tensors_ = read_tensors(cursor, front.tensor_count, label_);
  data_offset_ =
      *checked_align(cursor.position(), alignment_);  // a position and 32 bits: no overflow
  for (TensorInfo& tensor : tensors_)
    place(tensor, data_offset_, alignment_, bytes_.size(), label_);
  refuse_overlaps(tensors_, label_);
  by_name_ = order_by(tensors_, &TensorInfo::name);
  refuse_duplicates(tensors_, by_name_, label_);
}

std::shared_ptr<const File> File::parse(std::span<const std::byte> bytes, std::string label) {
  struct View : File {
    View(std::span<const std::byte> view, std::string name) {
      bytes_ = view;
      label_ = std::move(name);
      parse_all();
    }
  };
  return std::make_shared<View>(bytes, std::move(label));
}

std::shared_ptr<const File> File::open(const std::string& path) {
  struct Mapped : File {
    explicit Mapped(const std::string& file_path) : map(os::MappedFile::open(file_path)) {
      bytes_ = map.bytes();
      label_ = file_path;
      parse_all();
    }
    void release(std::span<const std::byte> part) const override { map.release(part); }
    void own_pages() const override { map.take_over(); }
    mutable os::MappedFile map;  // own_pages() changes where the bytes lie, not the bytes
  };
  return std::make_shared<Mapped>(path);
}

const TensorInfo* File::find(std::string_view name) const {
  const auto name_of = [this](std::uint32_t i) -> std::string_view { return tensors_[i].name; };
  const auto found = std::ranges::lower_bound(by_name_, name, {}, name_of);
  if (found == by_name_.end() || tensors_[*found].name != name) return nullptr;
  return &tensors_[*found];
}

std::span<const std::byte> File::data(const TensorInfo& tensor) const {
  return bytes_.subspan(tensor.offset, tensor.bytes);
}

}  // namespace ceiling::gguf
