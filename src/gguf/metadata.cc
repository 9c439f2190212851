#include "gguf/metadata.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::gguf {
namespace {

constexpr std::array<std::string_view, 13> kTypeNames = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};
constexpr std::array<std::size_t, 13> kStoredBytes = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

std::optional<std::uint32_t> fit_u32(std::uint64_t value) {
  if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

std::optional<std::uint32_t> fit_u32(std::int64_t value) {
  if (value < 0) return std::nullopt;
  return fit_u32(static_cast<std::uint64_t>(value));
}

template <typename Integer>
std::optional<std::vector<std::uint32_t>> fit_all(const std::vector<Integer>& values) {
  std::vector<std::uint32_t> out;
  out.reserve(values.size());
  for (const Integer value : values) {
    const auto fitted = fit_u32(value);
    if (!fitted) return std::nullopt;
    out.push_back(*fitted);
  }
  return out;
}

std::optional<std::vector<std::uint32_t>> integers(const Value& value) {
  if (const auto* scalar = std::get_if<std::uint64_t>(&value.data))
    return fit_all(std::vector{*scalar});
  if (const auto* scalar = std::get_if<std::int64_t>(&value.data))
    return fit_all(std::vector{*scalar});
  const auto* array = std::get_if<Array>(&value.data);
  if (array == nullptr) return std::nullopt;
  if (const auto* list = std::get_if<std::vector<std::uint64_t>>(&array->values))
    return fit_all(*list);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&array->values))
    return fit_all(*list);
  return std::nullopt;
}

// What a message shows of a value: "string 'llama'", "i32 -1", "array of 30 f32".
std::string describe(const Value& value) {
  const auto show = [&]<typename T>(const T& data) -> std::string {
    if constexpr (std::is_same_v<T, Array>) {
      return fmt::format("array of {} {}", data.size(), name(data.element));
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      return fmt::format("string '{}'", printable(data, 60));
    } else {
      return fmt::format("{} {}", name(value.type), data);
    }
  };
  return std::visit(show, value.data);
}

}  // namespace

std::string_view name(ValueType type) { return kTypeNames.at(static_cast<std::size_t>(type)); }

std::optional<ValueType> value_type_from_file(std::uint32_t stored) {
  if (stored >= kTypeNames.size()) return std::nullopt;
  return static_cast<ValueType>(stored);
}

std::size_t stored_bytes(ValueType type) { return kStoredBytes.at(static_cast<std::size_t>(type)); }

std::size_t Array::size() const {
  return std::visit([](const auto& list) { return list.size(); }, values);
}

void Metadata::insert(std::string key, Value value) {
  values_.insert_or_assign(std::move(key), std::move(value));
}

bool Metadata::contains(std::string_view key) const { return find(key) != nullptr; }

const Value* Metadata::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void Metadata::wrong(std::string_view key, const Value& value, std::string_view expected) const {
  fail(ExitCode::integrity, "'{}': key '{}' is {}; expected {}", label_, key, describe(value),
       expected);
}

void Metadata::absent(std::string_view key) const {
  fail(ExitCode::integrity, "'{}': key '{}' is missing: the file cannot be used for this", label_,
       key);
}

std::optional<std::uint32_t> Metadata::u32(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::optional<std::uint32_t> fitted;
  if (const auto* whole = std::get_if<std::uint64_t>(&value->data)) fitted = fit_u32(*whole);
  if (const auto* whole = std::get_if<std::int64_t>(&value->data)) fitted = fit_u32(*whole);
  if (!fitted) wrong(key, *value, "an integer from 0 to 4294967295");
  return fitted;
}

std::optional<double> Metadata::number(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* whole = std::get_if<std::uint64_t>(&value->data))
    return static_cast<double>(*whole);
  if (const auto* whole = std::get_if<std::int64_t>(&value->data))
    return static_cast<double>(*whole);
  const auto* real = std::get_if<double>(&value->data);
  if (real == nullptr || !std::isfinite(*real)) wrong(key, *value, "a finite number");
  return *real;
}

std::optional<bool> Metadata::boolean(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* flag = std::get_if<bool>(&value->data);
  if (flag == nullptr) wrong(key, *value, "a boolean");
  return *flag;
}

std::optional<std::string_view> Metadata::string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string_view>(&value->data);
  if (text == nullptr) wrong(key, *value, "a string");
  return *text;
}

std::optional<std::span<const std::string_view>> Metadata::strings(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* array = std::get_if<Array>(&value->data);
  const auto* list =
      array == nullptr ? nullptr : std::get_if<std::vector<std::string_view>>(&array->values);
  if (list == nullptr) wrong(key, *value, "an array of strings");
  return *list;
}

std::optional<std::vector<float>> Metadata::floats(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* array = std::get_if<Array>(&value->data);
  const auto* list = array == nullptr ? nullptr : std::get_if<std::vector<double>>(&array->values);
  if (list == nullptr) wrong(key, *value, "an array of floats");
  std::vector<float> out;
  out.reserve(list->size());
  for (const double element : *list) {
    if (std::isnan(element)) wrong(key, *value, "an array of floats without NaN");
    out.push_back(static_cast<float>(element));
  }
  return out;
}

std::optional<std::vector<std::uint32_t>> Metadata::u32s(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  auto list = integers(*value);
  if (!list) wrong(key, *value, "integers from 0 to 4294967295, one or one for each layer");
  return list;
}

std::uint32_t Metadata::require_u32(std::string_view key) const {
  const auto value = u32(key);
  if (!value) absent(key);
  return *value;
}

std::string_view Metadata::require_string(std::string_view key) const {
  const auto value = string(key);
  if (!value) absent(key);
  return *value;
}

std::span<const std::string_view> Metadata::require_strings(std::string_view key) const {
  const auto value = strings(key);
  if (!value) absent(key);
  return *value;
}

}  // namespace ceiling::gguf
