// Typed metadata of a GGUF file. Values are checked against the file when read; types when asked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ceiling::gguf {

// Values are those stored in files.
enum class ValueType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};
std::string_view name(ValueType type);
std::optional<ValueType> value_type_from_file(std::uint32_t stored);  // empty: unknown
// Bytes of one stored value; of a string or an array, the least that it can take.
std::size_t stored_bytes(ValueType type);

// An array; strings are views into the mapping (or into the writer's strings).
struct Array {
  ValueType element = ValueType::u32;
  // Unsigned types, signed types, floats, strings, booleans.
  std::variant<std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<double>,
               std::vector<std::string_view>, std::vector<bool>>
      values;
  std::size_t size() const;
};

// Integers keep their value in the widest type of their sign; `type` says what the file had.
struct Value {
  ValueType type = ValueType::u32;
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, Array> data;
};

class Metadata {
 public:
  Metadata() = default;
  explicit Metadata(std::string label) : label_(std::move(label)) {}  // the file, for messages

  void insert(std::string key, Value value);  // replaces an earlier value
  bool contains(std::string_view key) const;
  const Value* find(std::string_view key) const;
  const std::map<std::string, Value, std::less<>>& all() const { return values_; }
  const std::string& label() const { return label_; }

  // Absent key: empty. Present with another type or out of range: Error(integrity) naming key,
  // stored type and expected type. Integers of any width and sign are accepted if they fit.
  std::optional<std::uint32_t> u32(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;  // any integer or finite float
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  std::optional<std::span<const std::string_view>> strings(std::string_view key) const;
  std::optional<std::vector<float>> floats(std::string_view key) const;  // no NaN
  // Scalar keys that some files store as one value for each layer: a scalar gives one element.
  std::optional<std::vector<std::uint32_t>> u32s(std::string_view key) const;

  // As above, but absence is an Error(integrity) too.
  std::uint32_t require_u32(std::string_view key) const;
  std::string_view require_string(std::string_view key) const;
  std::span<const std::string_view> require_strings(std::string_view key) const;

 private:
  [[noreturn]] void wrong(std::string_view key, const Value& value,
                          std::string_view expected) const;
  [[noreturn]] void absent(std::string_view key) const;

  std::map<std::string, Value, std::less<>> values_;
  std::string label_ = "metadata";
};

}  // namespace ceiling::gguf
