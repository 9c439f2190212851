// Reading the small text files of /proc and /sys. Every function takes the root folder that stands
// for "/", so that tests can show it the trees of other machines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::os {

// The whole file without spaces at its end; empty where it cannot be read.
std::optional<std::string> read_text(const std::filesystem::path& path);

// The file's one number; empty where it cannot be read or is no number ("max").
std::optional<std::uint64_t> read_number(const std::filesystem::path& path);

// The number after the word `key` at the start of a line ("pswpin 12", "VmRSS:   12 kB").
std::optional<std::uint64_t> keyed_number(const std::string& text, std::string_view key);

// The text after "key" and ':' or '=', on the first such line, without spaces and quotes around it.
std::optional<std::string> keyed_text(const std::string& text, std::string_view key);

// "0-3,8" -> 0 1 2 3 8. What is malformed is left out.
std::vector<unsigned> parse_list(std::string_view text);

}  // namespace ceiling::os
