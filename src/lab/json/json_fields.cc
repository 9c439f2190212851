#include "lab/json/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

std::string shown(const json& value) {
  constexpr std::size_t kMost = 60;
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

bool is_plain_line(const std::string& text) {
  return !text.empty() && text.size() <= 4096 && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

}  // namespace

Fields::Fields(const json& object, std::string label) : object_(&object), label_(std::move(label)) {
  if (!object.is_object()) {
    fail(ExitCode::integrity, "{} is {}; expected an object", label_, shown(object));
  }
}

std::string Fields::path(std::string_view name) const { return fmt::format("{}.{}", label_, name); }

bool Fields::has(std::string_view name) const {
  const auto found = object_->find(std::string(name));
  return found != object_->end() && !found->is_null();
}

const json& Fields::at(std::string_view name) const {
  const auto found = object_->find(std::string(name));
  if (found == object_->end()) fail(ExitCode::integrity, "{} is missing", path(name));
  return *found;
}

std::string Fields::text(std::string_view name) const {
  const json& value = at(name);
  if (!value.is_string() || !is_plain_line(value.get_ref<const std::string&>())) {
    fail(ExitCode::integrity, "{} is {}; expected one line of text", path(name), shown(value));
  }
  return value.get<std::string>();
}

std::string Fields::text_or(std::string_view name, std::string otherwise) const {
  return !has(name) || at(name) == "" ? std::move(otherwise) : text(name);
}

double Fields::number(std::string_view name, double low, double high) const {
  const json& value = at(name);
  const double number = value.is_number() ? value.get<double>() : NAN;
  if (!(number >= low && number <= high)) {
    fail(ExitCode::integrity, "{} is {}; expected a number from {} to {}", path(name), shown(value),
         low, high);
  }
  return number;
}

std::optional<double> Fields::optional_number(std::string_view name, double low,
                                              double high) const {
  if (!has(name)) return std::nullopt;
  return number(name, low, high);
}

std::uint64_t Fields::integer(std::string_view name, std::uint64_t low, std::uint64_t high) const {
  const json& value = at(name);
  // A signed member is negative: the parser stores what is not negative as unsigned.
  const bool sound =
      value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  const std::uint64_t number = sound ? value.get<std::uint64_t>() : 0;
  if (!sound || number < low || number > high) {
    fail(ExitCode::integrity, "{} is {}; expected a whole number from {} to {}", path(name),
         shown(value), low, high);
  }
  return number;
}

bool Fields::boolean(std::string_view name) const {
  const json& value = at(name);
  if (!value.is_boolean()) {
    fail(ExitCode::integrity, "{} is {}; expected true or false", path(name), shown(value));
  }
  return value.get<bool>();
}

Fields Fields::object(std::string_view name) const { return {at(name), path(name)}; }

namespace {

void check_array(const json& value, const std::string& label, std::size_t most) {
  if (!value.is_array() || value.size() > most) {
    fail(ExitCode::integrity, "{} is {}; expected a list of at most {} entries", label,
         shown(value), most);
  }
}

}  // namespace

std::vector<Fields> Fields::objects(std::string_view name, std::size_t most) const {
  const json& list = at(name);
  check_array(list, path(name), most);
  std::vector<Fields> result;
  result.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    result.emplace_back(list[i], fmt::format("{}[{}]", path(name), i));
  }
  return result;
}

std::vector<double> Fields::numbers(std::string_view name, std::size_t most, double low,
                                    double high) const {
  const json& list = at(name);
  check_array(list, path(name), most);
  std::vector<double> result;
  for (const json& value : list) {
    const double number = value.is_number() ? value.get<double>() : NAN;
    if (!(number >= low && number <= high)) {
      fail(ExitCode::integrity, "{}[{}] is {}; expected a number from {} to {}", path(name),
           result.size(), shown(value), low, high);
    }
    result.push_back(number);
  }
  return result;
}

std::vector<std::string> Fields::texts(std::string_view name, std::size_t most) const {
  const json& list = at(name);
  check_array(list, path(name), most);
  std::vector<std::string> result;
  for (const json& value : list) {
    if (!value.is_string() || !is_plain_line(value.get_ref<const std::string&>())) {
      fail(ExitCode::integrity, "{}[{}] is {}; expected one line of text", path(name),
           result.size(), shown(value));
    }
    result.push_back(value.get<std::string>());
  }
  return result;
}

void Fields::only(std::initializer_list<std::string_view> names) const {
  for (const auto& item : object_->items()) {
    if (std::find(names.begin(), names.end(), item.key()) == names.end()) {
      fail(ExitCode::integrity, "{} has a member '{}' that is unknown; expected one of {}", label_,
           printable(item.key()), fmt::join(names, ", "));
    }
  }
}

}  // namespace ceiling::lab
