#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/model_path.h"
#include "cli/text_cases.h"
#include "gguf/file.h"
#include "tokenizer/tokenizer.h"

namespace ceiling::cli {

namespace {

struct TokenizeFlags {
  std::string model;
  std::optional<std::string> text;
  std::string input;
  bool start = false;
  bool no_start = false;
  bool special = false;
  bool json = false;
};

struct Tokenized {
  std::string name;  // empty: the one text of the command line
  std::string text;
  std::vector<Token> tokens;
};

Tokenized tokenize(const TextCase& one, const Tokenizer& tokenizer, const EncodeOptions& options) {
  if (one.text) return {one.name, *one.text, tokenizer.encode(*one.text, options)};
  return {one.name, tokenizer.decode(one.tokens, options.parse_special), one.tokens};
}

std::vector<TextCase> cases_of(const TokenizeFlags& flags) {
  if (!flags.input.empty()) return read_text_cases(flags.input);
  TextCase one;
  one.text = flags.text ? *flags.text : std::string(std::istreambuf_iterator(std::cin), {});
  return {one};
}

void print_json(const std::vector<Tokenized>& results) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Tokenized& result : results) {
    nlohmann::ordered_json item;
    if (!result.name.empty()) item["name"] = result.name;
    item["text"] = result.text;
    item["tokens"] = result.tokens;
    list.push_back(std::move(item));
  }
  // Bytes that are not UTF-8, which JSON cannot hold, show as U+FFFD.
  fmt::print("{}\n", list.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_table(const std::vector<Tokenized>& results, const Tokenizer& tokenizer) {
  for (const Tokenized& result : results) {
    if (!result.name.empty()) fmt::print("{}\n", printable(result.name));
    for (const Token token : result.tokens) {
      fmt::print("{:>8}  '{}'\n", token, printable(tokenizer.piece(token, /*special=*/true)));
    }
    fmt::print("{:>8}  tokens of {} bytes\n", result.tokens.size(), result.text.size());
  }
}

void run_tokenize(const TokenizeFlags& flags) {
  const auto file = gguf::File::open(model_path(flags.model));
  const auto tokenizer = Tokenizer::from_metadata(file->metadata());
  EncodeOptions options;
  // A vocabulary alone has no model that a start token could speak to.
  options.add_start = flags.start || (!flags.no_start && !file->tensors().empty());
  options.parse_special = flags.special;
  std::vector<Tokenized> results;
  for (const TextCase& one : cases_of(flags)) results.push_back(tokenize(one, *tokenizer, options));
  if (flags.json) {
    print_json(results);
  } else {
    print_table(results, *tokenizer);
  }
}

}  // namespace

void add_tokenize_command(CLI::App& app) {
  const auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand("tokenize", "Shows a text's tokens");
  command->footer(
      "Without -p and --input the text comes from standard input, to its end.\n"
      "Of a case with tokens but no text, the text is shown.\n\n"
      "Examples:\n"
      "  ceiling tokenize -m model.gguf -p 'Hello world'\n"
      "  ceiling tokenize -m model.gguf --input cases.json --json");
  command->add_option("-m,--model", flags->model,
                      "GGUF file; a vocabulary without weights will do");
  const auto text = command->add_option("-p,--prompt", flags->text, "the text");
  command
      ->add_option("--input", flags->input,
                   "JSON array of {\"name\", \"text\" or \"tokens\"}; - for standard input")
      ->excludes(text);
  const auto start = command->add_flag("--start", flags->start,
                                       "the start token, where the file asks for one; left out by "
                                       "default if the file has no weights");
  command->add_flag("--no-start", flags->no_start, "no start token")->excludes(start);
  command->add_flag("--special", flags->special, "control tokens written in the text are parsed");
  command->add_flag("--json", flags->json, "JSON: [{\"name\", \"text\", \"tokens\"}, ...]");
  command->callback([flags] { run_tokenize(*flags); });
}

}  // namespace ceiling::cli
