#include "lab/json/canonical_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr int kDeepest = 64;

// UTF-8 bytes sort as code points; UTF-16 puts the surrogates of U+10000 and up before U+E000.
// Where two texts first differ in a leading byte, moving 0xEE and 0xEF above 0xF4 gives UTF-16's
// order.
unsigned utf16_rank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0xEE || byte == 0xEF ? byte + 0x10U : byte;
}

bool utf16_less(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return utf16_rank(x) < utf16_rank(y); });
}

std::string quoted(const std::string& text) {
  try {
    return json(text).dump(-1, ' ', false, json::error_handler_t::strict);
  } catch (const json::exception&) {
    fail(ExitCode::integrity, "JSON text of {} bytes is not valid UTF-8", text.size());
  }
}

// Beyond 2^53 only integers that a double holds exactly (and so as ECMAScript prints that double).
template <typename Integer>
std::string integer(Integer value) {
  constexpr auto kExact = std::int64_t{1} << 53;
  if (std::cmp_less_equal(value, kExact) && std::cmp_greater_equal(value, -kExact)) {
    return fmt::format("{}", value);
  }
  const auto as_double = static_cast<double>(value);
  constexpr double kBound = std::is_signed_v<Integer> ? 0x1p63 : 0x1p64;
  if (as_double < kBound && static_cast<Integer>(as_double) == value) {
    return canonical_number(as_double);
  }
  fail(ExitCode::integrity,
       "JSON number {} is beyond 2^53, where not every reader keeps it exactly", value);
}

void write(const json& value, int depth, std::string& out);

void write_object(const json& value, int depth, std::string& out) {
  std::vector<const std::string*> names;
  for (const auto& item : value.items()) names.push_back(&item.key());
  std::sort(names.begin(), names.end(),
            [](const std::string* a, const std::string* b) { return utf16_less(*a, *b); });
  out += '{';
  for (const std::string* name : names) {
    if (out.back() != '{') out += ',';
    out += quoted(*name);
    out += ':';
    write(value.at(*name), depth + 1, out);
  }
  out += '}';
}

void write(const json& value, int depth, std::string& out) {
  if (depth > kDeepest) fail(ExitCode::integrity, "JSON is nested deeper than {}", kDeepest);
  switch (value.type()) {
    case json::value_t::null:
      out += "null";
      return;
    case json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case json::value_t::string:
      out += quoted(value.get_ref<const std::string&>());
      return;
    case json::value_t::number_float:
      out += canonical_number(value.get<double>());
      return;
    case json::value_t::number_integer:
      out += integer(value.get<std::int64_t>());
      return;
    case json::value_t::number_unsigned:
      out += integer(value.get<std::uint64_t>());
      return;
    case json::value_t::array:
      out += '[';
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out += ',';
        write(value[i], depth + 1, out);
      }
      out += ']';
      return;
    case json::value_t::object:
      write_object(value, depth, out);
      return;
    default:
      fail(ExitCode::integrity, "JSON cannot carry a value of type {}", value.type_name());
  }
}

// Refuses what a lenient parser would take in silence.
class Strictness {
 public:
  explicit Strictness(std::string_view label) : label_(label) {}
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    using Event = json::parse_event_t;
    if (depth > kDeepest) fail(ExitCode::integrity, "{}: nested deeper than {}", label_, kDeepest);
    if (event == Event::object_start) names_.emplace_back();
    if (event == Event::object_end) names_.pop_back();
    if (event == Event::key && !names_.back().insert(parsed.get<std::string>()).second) {
      fail(ExitCode::integrity, "{}: '{}' stands twice in one object; expected once", label_,
           parsed.get<std::string>());
    }
    return true;
  }

 private:
  std::string label_;
  std::vector<std::set<std::string>> names_;
};

}  // namespace

std::string canonical_number(double value) {
  if (!std::isfinite(value)) fail(ExitCode::integrity, "JSON cannot carry the number {}", value);
  if (value == 0) return "0";  // also -0
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific);
  const std::string text(buffer, end.ptr);
  const std::size_t mark = text.find('e');
  std::string digits = text.substr(0, mark);
  digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
  const int point = std::stoi(text.substr(mark + 1)) + 1;  // digits before the decimal point
  const int count = static_cast<int>(digits.size());
  std::string out = value < 0 ? "-" : "";
  if (count <= point && point <= 21) return out + digits + std::string(point - count, '0');
  if (0 < point && point <= 21) return out + digits.insert(point, ".");
  if (-6 < point && point <= 0) return out + "0." + std::string(-point, '0') + digits;
  if (count > 1) digits.insert(1, ".");
  return out + digits + fmt::format("e{:+d}", point - 1);
}

std::string canonical_json(const json& value) {
  std::string out;
  write(value, 0, out);
  return out;
}

json parse_json(std::string_view text, std::string_view label) {
  Strictness strictness(label);
  try {
    return json::parse(text, [&](int depth, json::parse_event_t event, json& parsed) {
      return strictness(depth, event, parsed);
    });
  } catch (const json::exception& error) {
    const std::string reason = error.what();  // "[json.exception.parse_error.101] parse error ..."
    const std::size_t bracket = reason.find("] ");
    fail(ExitCode::integrity, "{}: not valid JSON: {}", label,
         bracket == std::string::npos ? reason : reason.substr(bracket + 2));
  }
}

}  // namespace ceiling::lab
