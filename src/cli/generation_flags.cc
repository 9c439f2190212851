#include "cli/generation_flags.h"

#include <CLI/CLI.hpp>

namespace ceiling::cli {

void add_generation_flags(CLI::App& command, GenerateOptions& options) {
  SamplerOptions& sampling = options.sampling;
  command
      .add_option("-n,--tokens", options.max_tokens,
                  "most tokens of an answer (default: what the context holds)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command.add_option("--temp", sampling.temperature, "temperature; 0: always the likeliest token")
      ->capture_default_str();
  command.add_option("--top-k", sampling.top_k, "of the K likeliest tokens only; 0: off")
      ->capture_default_str();
  command
      .add_option("--top-p", sampling.top_p, "of the fewest tokens that hold this share; 1: off")
      ->capture_default_str();
  command
      .add_option("--min-p", sampling.min_p, "of tokens with this share of the likeliest; 0: off")
      ->capture_default_str();
  command
      .add_option("--repeat-penalty", sampling.repetition_penalty,
                  "makes recent tokens less likely; 1: off")
      ->capture_default_str();
  command.add_option("--seed", sampling.seed, "same seed, same text")->capture_default_str();
  command.add_option("--stop", options.stop_texts, "text that ends an answer (repeatable)")
      ->type_name("TEXT")
      ->allow_extra_args(false);
}

}  // namespace ceiling::cli
