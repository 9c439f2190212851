// JSON in exactly one spelling, so that a hash of it means something: RFC 8785 (JCS). And the
// strict reading of JSON that others may have written.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ceiling::lab {

// Members sorted by their names' UTF-16 units, no spaces, numbers as ECMAScript prints them. Throws
// Error(integrity) for what the RFC cannot carry: numbers that are not finite, integers beyond
// 2^53, text that is not UTF-8.
std::string canonical_json(const nlohmann::json& value);

// ECMAScript's Number::toString, the shortest digits that read back the same (RFC 8785, 3.2.2.3).
std::string canonical_number(double value);

// Parses a whole text. Throws Error(integrity), naming `label` and what was expected, for bad
// syntax, a name twice in one object, or nesting deeper than 64.
nlohmann::json parse_json(std::string_view text, std::string_view label);

}  // namespace ceiling::lab
