#include "gguf/writer.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "base/checked.h"
#include "base/error.h"

namespace ceiling::gguf {
namespace {

constexpr std::uint32_t kVersion = 3;
constexpr std::uint64_t kAlignment = 32;
constexpr std::size_t kMaxNameBytes = 64;

template <typename Number>
void put(std::string& out, Number value) {
  static_assert(std::is_arithmetic_v<Number>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put(std::string& out, std::string_view text) {
  put(out, std::uint64_t{text.size()});
  out.append(text);
}

void put(std::string& out, ValueType type) { put(out, static_cast<std::uint32_t>(type)); }

// One value, in the file's width for its type, without the type itself.
template <typename Kept>
void put_as(std::string& out, ValueType type, const Kept& value) {
  if constexpr (std::is_same_v<Kept, std::string_view>) {
    put(out, value);
  } else {
    switch (type) {
      case ValueType::u8:
        put(out, static_cast<std::uint8_t>(value));
        break;
      case ValueType::i8:
        put(out, static_cast<std::int8_t>(value));
        break;
      case ValueType::u16:
        put(out, static_cast<std::uint16_t>(value));
        break;
      case ValueType::i16:
        put(out, static_cast<std::int16_t>(value));
        break;
      case ValueType::u32:
        put(out, static_cast<std::uint32_t>(value));
        break;
      case ValueType::i32:
        put(out, static_cast<std::int32_t>(value));
        break;
      case ValueType::u64:
        put(out, static_cast<std::uint64_t>(value));
        break;
      case ValueType::i64:
        put(out, static_cast<std::int64_t>(value));
        break;
      case ValueType::f32:
        put(out, static_cast<float>(value));
        break;
      case ValueType::f64:
        put(out, static_cast<double>(value));
        break;
      case ValueType::boolean:
        put(out, static_cast<std::uint8_t>(value));
        break;
      case ValueType::string:
      case ValueType::array:
        fail(ExitCode::failed, "a number cannot be written as {}", name(type));
    }
  }
}

std::string encode(const Array& array) {
  std::string out;
  put(out, ValueType::array);
  put(out, array.element);
  put(out, std::uint64_t{array.size()});
  const auto put_all = [&](const auto& list) {
    using Kept = typename std::remove_cvref_t<decltype(list)>::value_type;
    for (std::size_t i = 0; i < list.size(); ++i) put_as<Kept>(out, array.element, list[i]);
  };
  std::visit(put_all, array.values);
  return out;
}

std::string encode(const Value& value) {
  if (const auto* array = std::get_if<Array>(&value.data)) return encode(*array);
  std::string out;
  put(out, value.type);
  const auto put_scalar = [&]<typename Kept>(const Kept& kept) {
    if constexpr (!std::is_same_v<Kept, Array>) put_as(out, value.type, kept);
  };
  std::visit(put_scalar, value.data);
  return out;
}

}  // namespace

Writer::Writer(std::string path) : path_(std::move(path)) {}

void Writer::set(std::string_view key, std::string encoded) {
  const auto found = std::ranges::find(keys_, key, &KeyValue::key);
  if (found != keys_.end()) {
    found->encoded = std::move(encoded);
  } else {
    keys_.push_back({std::string(key), std::move(encoded)});
  }
}

void Writer::set_u32(std::string_view key, std::uint32_t value) {
  copy(key, {ValueType::u32, std::uint64_t{value}});
}

void Writer::set_f32(std::string_view key, float value) {
  copy(key, {ValueType::f32, double{value}});
}

void Writer::set_bool(std::string_view key, bool value) { copy(key, {ValueType::boolean, value}); }

void Writer::set_string(std::string_view key, std::string_view value) {
  copy(key, {ValueType::string, value});
}

void Writer::set_strings(std::string_view key, std::span<const std::string> values) {
  copy(key, {ValueType::array, Array{ValueType::string,
                                     std::vector<std::string_view>(values.begin(), values.end())}});
}

void Writer::set_f32s(std::string_view key, std::span<const float> values) {
  copy(key, {ValueType::array,
             Array{ValueType::f32, std::vector<double>(values.begin(), values.end())}});
}

void Writer::set_i32s(std::string_view key, std::span<const std::int32_t> values) {
  copy(key, {ValueType::array,
             Array{ValueType::i32, std::vector<std::int64_t>(values.begin(), values.end())}});
}

void Writer::copy(std::string_view key, const Value& value) { set(key, encode(value)); }

std::size_t Writer::declare(std::string name, TensorType type,
                            std::span<const std::uint64_t> shape) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    fail(ExitCode::failed, "'{}': a tensor's name has {} bytes; expected 1 to {}", path_,
         name.size(), kMaxNameBytes);
  }
  if (shape.empty() || shape.size() > 4) {
    fail(ExitCode::failed, "'{}': tensor '{}' has {} dimensions; expected 1 to 4", path_, name,
         shape.size());
  }
  const TypeInfo& layout = info(type);
  if (shape[0] == 0 || shape[0] % layout.block_elements != 0) {
    fail(ExitCode::failed,
         "'{}': tensor '{}' has rows of {} weights; type {} expects a multiple of {}", path_, name,
         shape[0], layout.name, layout.block_elements);
  }
  std::optional<std::uint64_t> bytes =
      checked_mul(shape[0] / layout.block_elements, layout.block_bytes);
  for (const std::uint64_t dimension : shape.subspan(1)) {
    if (bytes) bytes = checked_mul(*bytes, dimension);
  }
  const std::uint64_t end = tensors_.empty() ? 0 : tensors_.back().offset + tensors_.back().bytes;
  const auto offset = checked_align(end, kAlignment);
  if (!bytes || *bytes == 0 || !offset || !checked_add(*offset, *bytes)) {
    fail(ExitCode::failed, "'{}': tensor '{}' has no weights, or more bytes than 2^64", path_,
         name);
  }
  if (std::ranges::find(tensors_, name, &Declared::name) != tensors_.end()) {
    fail(ExitCode::failed, "'{}': tensor '{}' is declared twice", path_, name);
  }
  tensors_.push_back({std::move(name), type, {shape.begin(), shape.end()}, *offset, *bytes});
  return tensors_.size() - 1;
}

// Everything before the tensor data, padded to the alignment.
std::string Writer::header() const {
  std::string out = "GGUF";
  put(out, kVersion);
  put(out, std::uint64_t{tensors_.size()});
  put(out, std::uint64_t{keys_.size()});
  for (const KeyValue& entry : keys_) {
    put(out, std::string_view(entry.key));
    out += entry.encoded;
  }
  for (const Declared& tensor : tensors_) {
    put(out, std::string_view(tensor.name));
    put(out, static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::uint64_t dimension : tensor.shape) put(out, dimension);
    put(out, static_cast<std::uint32_t>(tensor.type));
    put(out, tensor.offset);
  }
  out.resize((out.size() + kAlignment - 1) / kAlignment * kAlignment);
  return out;
}

std::uint64_t Writer::file_bytes() const {
  const std::uint64_t end = tensors_.empty() ? 0 : tensors_.back().offset + tensors_.back().bytes;
  return header().size() + (end + kAlignment - 1) / kAlignment * kAlignment;
}

void Writer::begin() {
  const std::string text = header();
  data_offset_ = text.size();
  file_.emplace(path_);
  file_->reserve(file_bytes());
  file_->write_at(0, text.data(), text.size());
  written_ = std::make_unique<std::atomic<std::uint64_t>[]>(tensors_.size());
}

void Writer::write(std::size_t tensor, std::uint64_t offset, std::span<const std::byte> data) {
  const Declared& target = tensors_.at(tensor);
  if (!written_ || offset > target.bytes || data.size() > target.bytes - offset) {
    fail(ExitCode::failed, "'{}': {} bytes at {} do not fit tensor '{}' of {} bytes", path_,
         data.size(), offset, target.name, target.bytes);
  }
  file_->write_at(data_offset_ + target.offset + offset, data.data(), data.size());
  written_[tensor] += data.size();
}

void Writer::finish() {
  constexpr std::array<char, kAlignment> kZeros{};
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Declared& tensor = tensors_[i];
    if (!written_ || written_[i] != tensor.bytes) {
      fail(ExitCode::failed, "'{}': {} of {} bytes of tensor '{}' were written", path_,
           written_ ? written_[i].load() : 0, tensor.bytes, tensor.name);
    }
    const std::uint64_t end = tensor.offset + tensor.bytes;
    const std::uint64_t padding = (kAlignment - end % kAlignment) % kAlignment;
    if (padding != 0) file_->write_at(data_offset_ + end, kZeros.data(), padding);
  }
  file_->commit();
}

}  // namespace ceiling::gguf
