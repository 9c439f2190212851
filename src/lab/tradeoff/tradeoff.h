// What each type costs and buys for one model: its size, its speed on this machine and its distance
// from the file it was made from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ceiling::lab {

struct TradeoffOptions {
  std::string model;               // path of the source
  std::vector<std::string> types;  // recipes, each once
  std::string text;                // path: the text that is predicted
  std::string calibration;         // path of a text for importances; empty: none
  std::string directory;           // reports, and the files while they are measured
  std::uint32_t window = 512;      // tokens of a window of the text
  std::uint32_t windows = 8;       // at most; 0: the whole text
  std::uint32_t blocks = 5;        // each type is timed once in every block
  std::uint32_t prompt_tokens = 512, decode_tokens = 64;
  unsigned threads = 0;     // 0: the default
  bool keep_files = false;  // the files of the types stay in the directory
};

// Of a model's predictions of the text.
struct Quality {
  double perplexity = 0, perplexity_error = 0;  // with its standard error
  double mean_kl = 0, mean_kl_error = 0;        // of the source from it, nats
  double p99_kl = 0;
  double top_agreement = 0;  // share of positions with the source's most likely token
};

struct TradeoffPoint {
  std::string name;     // "Q4_K_M"; of the source, its main type
  bool source = false;  // the reference itself
  std::uint64_t bytes = 0;
  std::vector<double> decode, prefill;  // tokens/s, one of each block
  Quality quality;
  // Names of those that are told to be no larger, faster in decode and no further from the source;
  // and of those that may be, for nothing tells them worse in one of the three.
  std::vector<std::string> dominated_by, perhaps_dominated_by;
};

struct Tradeoff {
  TradeoffOptions options;
  std::string model_name;  // the source's file name without its ending
  // The source, or the file that it was made from, holds quantised matrices: then it is itself away
  // from the full-precision model.
  bool source_quantised = false;
  std::string quantised_type;  // what they were quantised to: "Q4_1"
  bool synthetic = false;      // weights of `synth`: quality means nothing
  std::string machine;         // one line
  std::uint64_t counted_tokens = 0;
  std::uint32_t windows = 0;
  std::vector<TradeoffPoint> points;  // largest first; the source before its equals
};

// Runs this program with the arguments in a fresh process; its stdout. Throws Error(failed) with
// what the process said if it failed, Error(interrupted) if the user asked to stop.
using OwnProgram = std::function<std::string(const std::vector<std::string>& arguments)>;
std::string run_own_program(const std::vector<std::string>& arguments);

// Makes the files, measures, and removes them unless they shall be kept. The order of the types in
// a block turns from block to block, so that a drift of the machine meets all alike. `progress` is
// told what begins. Throws Error(usage): an unknown type, one named twice, none; and what the
// program's own commands fail with.
Tradeoff measure_tradeoff(const TradeoffOptions& options, const OwnProgram& program,
                          const std::function<void(std::uint64_t done, std::uint64_t total,
                                                   const std::string& what)>& progress);

std::string tradeoff_text(const Tradeoff& tradeoff);  // for the terminal: at most 19 lines
std::string tradeoff_json(const Tradeoff& tradeoff);
std::string tradeoff_html(const Tradeoff& tradeoff);
std::string tradeoff_markdown(const Tradeoff& tradeoff);

// report.html, report.md and tradeoff.json in the tradeoff's directory.
void write_tradeoff(const Tradeoff& tradeoff);

}  // namespace ceiling::lab
