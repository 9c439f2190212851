#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "gguf/read.h"

namespace ceiling::gguf {
namespace {

// The GGUF specification's limit.
constexpr std::size_t kMaxKeyBytes = 65535;
// Keys and array elements of a whole file. They take more memory than in the file, so this bounds
// what a hostile file can make us allocate; the largest vocabularies hold under a million.
constexpr std::uint64_t kMaxElements = 1ull << 26;
constexpr std::uint64_t kLeastKeyBytes = 8 + 1 + 4 + 1;  // length, one character, type, value

class Reader {
 public:
  Reader(Cursor& cursor, const std::string& label) : cursor_(cursor), label_(label) {}

  Metadata read(std::uint64_t count) {
    if (count > cursor_.remaining() / kLeastKeyBytes) {
      throw Truncated(fmt::format(
          "'{}': it claims {} metadata keys, more than its size can hold: truncated or damaged",
          label_, count));
    }
    spend(count, "its metadata");
    Metadata metadata(label_);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string key = read_key(fmt::format("metadata key {} of {}", i + 1, count));
      if (metadata.contains(key)) {
        fail(ExitCode::integrity, "'{}': key '{}' appears twice; expected once", label_, key);
      }
      const std::string what = fmt::format("key '{}'", key);
      metadata.insert(std::move(key), read_value(what));
    }
    return metadata;
  }

 private:
  std::string read_key(const std::string& what) {
    const std::string_view key = cursor_.string(what);
    const bool plain = std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
    if (key.empty() || key.size() > kMaxKeyBytes || !plain) {
      fail(ExitCode::integrity, "'{}': {} is '{}'; expected 1 to {} printable ASCII characters",
           label_, what, printable(key, 60), kMaxKeyBytes);
    }
    return std::string(key);
  }

  ValueType read_type(const std::string& what) {
    const auto stored = cursor_.number<std::uint32_t>(what);
    const auto type = value_type_from_file(stored);
    if (!type) {
      fail(ExitCode::integrity, "'{}': {} has value type {}; expected 0 to 12", label_, what,
           stored);
    }
    return *type;
  }

  Value read_value(const std::string& what) {
    const ValueType type = read_type(what);
    switch (type) {
      case ValueType::u8:
        return {type, std::uint64_t{cursor_.number<std::uint8_t>(what)}};
      case ValueType::u16:
        return {type, std::uint64_t{cursor_.number<std::uint16_t>(what)}};
      case ValueType::u32:
        return {type, std::uint64_t{cursor_.number<std::uint32_t>(what)}};
      case ValueType::u64:
        return {type, cursor_.number<std::uint64_t>(what)};
      case ValueType::i8:
        return {type, std::int64_t{cursor_.number<std::int8_t>(what)}};
      case ValueType::i16:
        return {type, std::int64_t{cursor_.number<std::int16_t>(what)}};
      case ValueType::i32:
        return {type, std::int64_t{cursor_.number<std::int32_t>(what)}};
      case ValueType::i64:
        return {type, cursor_.number<std::int64_t>(what)};
      case ValueType::f32:
        return {type, double{cursor_.number<float>(what)}};
      case ValueType::f64:
        return {type, cursor_.number<double>(what)};
      case ValueType::boolean:
        return {type, read_boolean(what)};
      case ValueType::string:
        return {type, cursor_.string(what)};
      case ValueType::array:
        return {type, read_array(what)};
    }
    fail(ExitCode::integrity, "'{}': {} has an unknown value type", label_, what);
  }

  bool read_boolean(const std::string& what) {
    const auto stored = cursor_.number<std::uint8_t>(what);
    if (stored > 1) {
      fail(ExitCode::integrity, "'{}': {} is a boolean with value {}; expected 0 or 1", label_,
           what, stored);
    }
    return stored == 1;
  }

  Array read_array(const std::string& what) {
    const ValueType element = read_type(what);
    if (element == ValueType::array) {
      fail(ExitCode::integrity, "'{}': {} is an array of arrays; expected an array of plain values",
           label_, what);
    }
    const auto count = cursor_.number<std::uint64_t>(what);
    if (count > cursor_.remaining() / stored_bytes(element)) {
      throw Truncated(fmt::format(
          "'{}': {} claims {} elements of type {}, but only {} bytes follow: truncated or damaged",
          label_, what, count, name(element), cursor_.remaining()));
    }
    spend(count, what);
    return {element, read_elements(element, count, what)};
  }

  decltype(Array::values) read_elements(ValueType element, std::uint64_t count,
                                        const std::string& what) {
    switch (element) {
      case ValueType::u8:
        return numbers<std::uint8_t, std::uint64_t>(count, what);
      case ValueType::u16:
        return numbers<std::uint16_t, std::uint64_t>(count, what);
      case ValueType::u32:
        return numbers<std::uint32_t, std::uint64_t>(count, what);
      case ValueType::u64:
        return numbers<std::uint64_t, std::uint64_t>(count, what);
      case ValueType::i8:
        return numbers<std::int8_t, std::int64_t>(count, what);
      case ValueType::i16:
        return numbers<std::int16_t, std::int64_t>(count, what);
      case ValueType::i32:
        return numbers<std::int32_t, std::int64_t>(count, what);
      case ValueType::i64:
        return numbers<std::int64_t, std::int64_t>(count, what);
      case ValueType::f32:
        return numbers<float, double>(count, what);
      case ValueType::f64:
        return numbers<double, double>(count, what);
      case ValueType::boolean: {
        std::vector<bool> flags(count);
        for (std::uint64_t i = 0; i < count; ++i) flags[i] = read_boolean(what);
        return flags;
      }
      default: {
        std::vector<std::string_view> strings(count);
        for (auto& text : strings) text = cursor_.string(what);
        return strings;
      }
    }
  }

  template <typename Stored, typename Kept>
  std::vector<Kept> numbers(std::uint64_t count, const std::string& what) {
    std::vector<Kept> list(count);
    for (Kept& value : list) value = static_cast<Kept>(cursor_.number<Stored>(what));
    return list;
  }

  void spend(std::uint64_t elements, std::string_view what) {
    if (elements > kMaxElements - spent_) {
      fail(ExitCode::integrity,
           "'{}': {} brings the number of keys and array elements to {}; expected at most {} in a "
           "file",
           label_, what, spent_ + elements, kMaxElements);
    }
    spent_ += elements;
  }

  Cursor& cursor_;
  const std::string& label_;
  std::uint64_t spent_ = 0;
};

}  // namespace

Metadata read_metadata(Cursor& cursor, std::uint64_t count, const std::string& label) {
  return Reader(cursor, label).read(count);
}

}  // namespace ceiling::gguf
