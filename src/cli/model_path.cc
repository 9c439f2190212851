#include "cli/model_path.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDefaultModel = "SmolLM2-135M-Instruct.Q4_1.gguf";

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> models_there(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".gguf") names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// An exact name beats a part of one.
std::vector<std::string> matches(const std::vector<std::string>& names, const std::string& asked) {
  std::vector<std::string> partly;
  const std::string wanted = lower(asked);
  for (const std::string& name : names) {
    const std::string file = lower(name);
    if (file == wanted || file == wanted + ".gguf") return {name};
    if (file.find(wanted) != std::string::npos) partly.push_back(name);
  }
  return partly;
}

}  // namespace

std::string model_path(const std::string& asked) {
  std::error_code ignored;
  if (!asked.empty() && (fs::exists(asked, ignored) || asked.find('/') != std::string::npos)) {
    return asked;
  }
  const std::string directory = os::models_directory();
  if (asked.empty()) {
    const fs::path path = fs::path(directory) / kDefaultModel;
    if (fs::exists(path, ignored)) return path.string();
    fail(ExitCode::failed,
         "the default model {} is not in {}: `./run fetch` gets it, or name a file with -m",
         kDefaultModel, directory);
  }
  const std::vector<std::string> names = models_there(directory);
  const std::vector<std::string> found = matches(names, asked);
  if (found.size() == 1) return (fs::path(directory) / found.front()).string();
  if (found.size() > 1) {
    fail(ExitCode::usage, "-m {} could be {}: name one of them", asked, fmt::join(found, " or "));
  }
  fail(ExitCode::failed,
       "model '{}' is neither a file nor a name in {} ({}): give a path to a GGUF file", asked,
       directory, names.empty() ? "which has none" : fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace ceiling::cli
