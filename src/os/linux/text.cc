#include "os/linux/text.h"

#include <array>
#include <charconv>
#include <fstream>

namespace ceiling::os {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\"";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

// What follows `key` on the first line that starts with it.
std::optional<std::string_view> rest_of_line(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key)) return line.substr(key.size());
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  // Not by iterators: those throw what read() notes, such as a process that has gone meanwhile.
  std::string text;
  std::array<char, 4096> piece{};
  do {
    file.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  } while (file);
  if (file.bad()) return std::nullopt;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\0')) {
    text.pop_back();
  }
  return text;
}

std::optional<std::uint64_t> read_number(const std::filesystem::path& path) {
  const auto text = read_text(path);
  return text ? leading_number(trimmed(*text)) : std::nullopt;
}

std::optional<std::uint64_t> keyed_number(const std::string& text, std::string_view key) {
  const auto rest = rest_of_line(text, std::string(key) + (key.ends_with(':') ? "" : " "));
  return rest ? leading_number(trimmed(*rest)) : std::nullopt;
}

std::optional<std::string> keyed_text(const std::string& text, std::string_view key) {
  const auto rest = rest_of_line(text, key);
  if (!rest) return std::nullopt;
  const std::size_t mark = rest->find_first_of(":=");
  if (mark == std::string_view::npos) return std::nullopt;
  return std::string(trimmed(rest->substr(mark + 1)));
}

std::vector<unsigned> parse_list(std::string_view text) {
  constexpr std::uint64_t kMost = 1U << 20;
  std::vector<unsigned> result;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view range = trimmed(text.substr(0, comma));
    const std::size_t dash = range.find('-');
    const auto first = leading_number(range);
    const auto last =
        dash == std::string_view::npos ? first : leading_number(range.substr(dash + 1));
    if (first && last && *last < kMost) {
      for (std::uint64_t i = *first; i <= *last; ++i) result.push_back(static_cast<unsigned>(i));
    }
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return result;
}

}  // namespace ceiling::os
