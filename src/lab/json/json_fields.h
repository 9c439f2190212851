// Reading members of JSON that others may have written: what is missing or wrong is named.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::lab {

// An object under a name for messages ("plan.json: cells[2]"). Every getter throws Error(integrity)
// that names the member, what it holds and what was expected.
class Fields {
 public:
  Fields(const nlohmann::json& object, std::string label);  // throws unless it is an object

  bool has(std::string_view name) const;  // present and not null
  const nlohmann::json& at(std::string_view name) const;
  std::string text(std::string_view name) const;  // not empty, one line of at most 4096 bytes
  // Absent, null or empty: `otherwise`.
  std::string text_or(std::string_view name, std::string otherwise) const;
  double number(std::string_view name, double low, double high) const;  // finite, within
  std::optional<double> optional_number(std::string_view name, double low, double high) const;
  std::uint64_t integer(std::string_view name, std::uint64_t low, std::uint64_t high) const;
  bool boolean(std::string_view name) const;
  Fields object(std::string_view name) const;
  std::vector<Fields> objects(std::string_view name,
                              std::size_t most) const;  // an array of objects
  std::vector<double> numbers(std::string_view name, std::size_t most, double low,
                              double high) const;
  std::vector<std::string> texts(std::string_view name, std::size_t most) const;
  // Throws if a member is not among these: a misspelt optional member must not pass in silence.
  void only(std::initializer_list<std::string_view> names) const;

  const nlohmann::json& value() const { return *object_; }
  const std::string& label() const { return label_; }

 private:
  std::string path(std::string_view name) const;
  const nlohmann::json* object_;
  std::string label_;
};

}  // namespace ceiling::lab
