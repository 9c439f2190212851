#include "store/hub_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::store {
namespace {

constexpr std::string_view kEnding = ".gguf";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view last_of_path(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Pictures' and sounds' encoders lie beside the models that they are for.
bool is_model(std::string_view file) {
  return lower(file).ends_with(kEnding) && !lower(last_of_path(file)).starts_with("mmproj");
}

// "q4_k" is a word of "x-q4_k.gguf" and none of "x-q4_k_m.gguf".
bool holds_word(std::string_view text, std::string_view word) {
  const auto joins = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !joins(text[at - 1])) && (end == text.size() || !joins(text[end]))) return true;
  }
  return false;
}

std::string listed(const std::vector<std::string>& files) {
  constexpr std::size_t kMost = 12;
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(files.size(), kMost); ++i) {
    shown.push_back(printable(files[i], 100));
  }
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     files.size() > kMost ? fmt::format(" and {} more", files.size() - kMost) : "");
}

unsigned number_of(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size() ? value : 0;
}

}  // namespace

std::vector<std::string> gguf_files(std::string_view json, const std::string& repository) {
  std::vector<std::string> files;
  try {
    const auto root = nlohmann::json::parse(json);
    for (const auto& sibling : root.at("siblings")) {
      std::string file = sibling.at("rfilename").get<std::string>();
      if (is_model(file) && part_of(file).number <= 1) files.push_back(std::move(file));
    }
  } catch (const nlohmann::json::exception&) {
    fail(ExitCode::integrity,
         "what the hub says of '{}' is no list of files (expected JSON with 'siblings'): check "
         "HF_ENDPOINT",
         repository);
  }
  std::ranges::sort(files);
  return files;
}

std::string choose_file(const std::vector<std::string>& files, const std::string& wanted,
                        const std::string& repository) {
  if (files.empty()) {
    fail(ExitCode::usage, "'{}' holds no GGUF file: look for a repository with GGUF in its name",
         repository);
  }
  std::vector<std::string> found;
  for (const std::string& file : files) {
    if (file == wanted || last_of_path(file) == wanted) return file;
    if (wanted.empty() || holds_word(lower(file), lower(wanted))) found.push_back(file);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    fail(ExitCode::usage, "'{}' holds no GGUF file '{}': there are {}", repository,
         printable(wanted, 60), listed(files));
  }
  fail(ExitCode::usage, "'{}' holds {}: name one, as hf://{}:{}", repository, listed(found),
       repository, printable(found.front(), 100));
}

Part part_of(std::string_view file) {
  constexpr std::string_view kPattern = "-00001-of-00001";
  if (!file.ends_with(kEnding)) return {};
  const std::string_view name = file.substr(0, file.size() - kEnding.size());
  if (name.size() <= kPattern.size()) return {};
  const std::string_view tail = name.substr(name.size() - kPattern.size());
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-") return {};
  const unsigned number = number_of(tail.substr(1, 5));
  const unsigned count = number_of(tail.substr(10));
  if (number == 0 || number > count) return {};
  return {std::string(name.substr(0, name.size() - kPattern.size())), number, count};
}

std::string part_name(const Part& part, unsigned number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", part.stem, number, part.count);
}

}  // namespace ceiling::store
