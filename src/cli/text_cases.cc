#include "cli/text_cases.h"

#include <iostream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

using nlohmann::json;

[[noreturn]] void damaged(const std::string& path, std::size_t index, const std::string& what) {
  fail(ExitCode::integrity, "{}: case {}: {}", path, index, what);
}

std::vector<Token> read_tokens(const json& list, const std::string& path, std::size_t index) {
  if (!list.is_array()) damaged(path, index, "\"tokens\" is not an array of token numbers");
  std::vector<Token> tokens;
  for (const json& item : list) {
    if (!item.is_number_integer() || item < 0 || item > std::numeric_limits<Token>::max()) {
      damaged(path, index, "\"tokens\" holds " + item.dump() + ", expected a token number");
    }
    tokens.push_back(item.get<Token>());
  }
  return tokens;
}

TextCase read_case(const json& item, const std::string& path, std::size_t index) {
  if (!item.is_object()) damaged(path, index, "expected an object with \"name\" and \"text\"");
  TextCase result;
  result.name = std::to_string(index);
  if (const auto name = item.find("name"); name != item.end()) {
    if (!name->is_string()) damaged(path, index, "\"name\" is not a string");
    result.name = *name;
  }
  if (const auto text = item.find("text"); text != item.end()) {
    if (!text->is_string()) damaged(path, index, "\"text\" is not a string");
    result.text = *text;
  }
  const auto tokens = item.find("tokens");
  if (tokens != item.end()) result.tokens = read_tokens(*tokens, path, index);
  if (!result.text && tokens == item.end()) {
    damaged(path, index, "neither \"text\" nor \"tokens\" is there");
  }
  return result;
}

}  // namespace

std::vector<TextCase> read_text_cases(const std::string& path) {
  const std::string content =
      path == "-" ? std::string(std::istreambuf_iterator(std::cin), {}) : os::read_file(path);
  json cases;
  try {
    cases = json::parse(content);
  } catch (const json::parse_error& error) {
    fail(ExitCode::integrity, "{} is not JSON (at byte {}): expected an array of cases", path,
         error.byte);
  }
  if (!cases.is_array()) {
    fail(ExitCode::integrity, "{} holds no array: expected [{{\"name\": .., \"text\": ..}}, ..]",
         path);
  }
  std::vector<TextCase> result;
  for (const json& item : cases) result.push_back(read_case(item, path, result.size()));
  return result;
}

}  // namespace ceiling::cli
