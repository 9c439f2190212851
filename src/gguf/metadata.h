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

enum class ValueType : std::uint32_t {
  u8 = 0, i8 = 1, u16 = 2, i16 = 3, u32 = 4, i32 = 5, f32 = 6, boolean = 7, string = 8, array = 9,
  u64 = 10, i64 = 11, f64 = 12,
};
std::string_view name(ValueType type);

// An array; strings are views into the mapping (or into the writer's strings).
struct Array {
  ValueType element = ValueType::u32;
  std::variant<std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<double>,
               std::vector<std::string_view>, std::vector<bool>> values;
  std::size_t size() const;
};

// Integers keep their value in the widest type of their sign; `type` says what the file had.
struct Value {
  ValueType type = ValueType::u32;
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, Array> data;
};

class Metadata {
 public:
  void insert(std::string key, Value value);
  bool contains(std::string_view key) const;
  const Value* find(std::string_view key) const;
  const std::map<std::string, Value, std::less<>>& all() const { return values_; }

  // Absent key: empty. Present with another type or out of range: Error(integrity) naming key,
  // stored type and expected type. Integers of any width and sign are accepted if they fit.
  std::optional<std::uint32_t> u32(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;  // any integer or float
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  std::optional<std::span<const std::string_view>> strings(std::string_view key) const;
  std::optional<std::vector<float>> floats(std::string_view key) const;
  // Scalar keys that some files store as one value for each layer: a scalar gives one element.
  std::optional<std::vector<std::uint32_t>> u32s(std::string_view key) const;

  // As above, but absence is an Error(integrity) too.
  std::uint32_t require_u32(std::string_view key) const;
  std::string_view require_string(std::string_view key) const;
  std::span<const std::string_view> require_strings(std::string_view key) const;

 private:
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace ceiling::gguf
