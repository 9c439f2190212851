// What llama-bench prints with -o json or -o jsonl.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "lab/exchange/outside_figure.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr std::size_t kMostFigures = 100'000;
constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 24;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 53;

std::string text_of(const Fields& fields, const char* member) {
  return printable(fields.text_or(member, ""), 200);
}

std::optional<std::uint64_t> count_of(const Fields& fields, const char* member,
                                      std::uint64_t most) {
  if (!fields.has(member)) return std::nullopt;
  return fields.integer(member, 0, most);
}

// "llama 7B mostly Q4_0", "qwen2 7B Q4_K - Medium": the type is what follows the size.
void split_model(const std::string& text, OutsideFigure& figure) {
  figure.model = text;
  constexpr std::string_view kMostly = " mostly ";
  std::size_t at = text.find(kMostly);
  std::size_t after = at == std::string::npos ? at : at + kMostly.size();
  if (at == std::string::npos) {
    at = text.find("B ");
    if (at != std::string::npos) after = ++at + 1;
  }
  if (at == std::string::npos) return;
  figure.model = text.substr(0, at);
  figure.type = text.substr(after);
}

class Reader {
 public:
  explicit Reader(const Fields& fields) : fields_(fields) {}

  OutsideFigure read() {
    figure_.engine = "llama.cpp";
    figure_.tokens_per_s = fields_.number("avg_ts", 1e-6, 1e9);
    machine();
    model();
    lengths();
    engine();
    placement();
    statistic();
    // What llama-bench always does.
    state(Item::tokenizer, "random token numbers, no text");
    state(Item::streams, "one");
    state(Item::sampling, "outside the clock");
    state(Item::speculation, "off");
    return std::move(figure_);
  }

 private:
  void state(Item item, std::string text) {
    if (!text.empty()) figure_.stated[item] = std::move(text);
  }

  void machine() {
    const std::string cpu = text_of(fields_, "cpu_info");
    const std::string gpu = text_of(fields_, "gpu_info");
    const std::string backend = text_of(fields_, "backends");
    figure_.machine = backend == "CPU" || gpu.empty() ? cpu : gpu;
    state(Item::backend, backend);
    cpu_only_ = backend == "CPU" || backend == "BLAS";
  }

  void model() {
    split_model(text_of(fields_, "model_type"), figure_);
    if (const auto bytes = count_of(fields_, "model_size", kMostBytes); bytes && *bytes > 0) {
      state(Item::file_bytes, fmt::format("{}", *bytes));
    }
  }

  void lengths() {
    const std::uint64_t prompt = fields_.integer("n_prompt", 0, kMostTokens);
    const std::uint64_t generated = fields_.integer("n_gen", 0, kMostTokens);
    const auto depth = count_of(fields_, "n_depth", kMostTokens);
    if (prompt + generated == 0) {
      fail(ExitCode::integrity, "{} has n_prompt 0 and n_gen 0; expected tokens of one of them",
           fields_.label());
    }
    figure_.test = prompt > 0 && generated > 0 ? fmt::format("pp{}+tg{}", prompt, generated)
                   : prompt > 0                ? fmt::format("pp{}", prompt)
                                               : fmt::format("tg{}", generated);
    if (depth.value_or(0) > 0) figure_.test += fmt::format(" @ d{}", *depth);
    state(Item::prompt_length, fmt::format("{}", prompt));
    state(Item::generated_length, fmt::format("{}", generated));
    if (depth) state(Item::depth, fmt::format("{}", *depth));
    const std::string keys = text_of(fields_, "type_k");
    const std::string values = text_of(fields_, "type_v");
    if (!keys.empty() && !values.empty()) state(Item::kv_type, keys + ", " + values);
  }

  void engine() {
    const std::string commit = text_of(fields_, "build_commit");
    const auto number = count_of(fields_, "build_number", kMostBytes);
    if (!commit.empty() && commit != "unknown") {
      state(Item::build, number ? fmt::format("{} ({})", commit, *number) : commit);
    }
    std::string flags;
    for (const char* member : {"flash_attn", "n_batch", "n_ubatch", "split_mode", "load_mode",
                               "use_mmap", "no_kv_offload"}) {
      if (!fields_.has(member)) continue;
      flags += fmt::format("{}{} {}", flags.empty() ? "" : ", ", member,
                           printable(fields_.at(member).dump(), 40));
    }
    state(Item::flags, flags);
    // How many layers were asked for is not where each tensor came to lie; without a GPU it is.
    const bool none_offloaded = fields_.has("n_gpu_layers") && fields_.at("n_gpu_layers") == 0;
    if (cpu_only_ || none_offloaded) state(Item::residency, "memory of the processor");
  }

  void placement() {
    if (const auto threads = count_of(fields_, "n_threads", 4096); threads.value_or(0) > 0) {
      state(Item::threads, fmt::format("{}", *threads));
    }
    const std::string mask = text_of(fields_, "cpu_mask");
    if (!mask.empty() && mask.find_first_not_of("0x") != std::string::npos) {
      state(Item::placement, "mask " + mask);
    }
  }

  void statistic() {
    if (fields_.has("samples_ns")) {
      const std::size_t samples = fields_.numbers("samples_ns", kMostFigures, 1, 1e18).size();
      if (samples > 0) state(Item::repetitions, fmt::format("{}, in one process", samples));
    }
    if (fields_.has("stddev_ts")) {
      state(Item::spread, fmt::format("{:.3g}", fields_.number("stddev_ts", 0, 1e9)));
    }
    const std::string when = text_of(fields_, "test_time");
    if (!when.empty()) state(Item::order, "begun at " + when);
    figure_.source = when;
  }

  const Fields& fields_;
  OutsideFigure figure_;
  bool cpu_only_ = false;
};

void add(const json& value, const std::string& place, OutsideFigures& out) {
  if (out.figures.size() + out.broken.size() >= kMostFigures) {
    fail(ExitCode::integrity, "'{}' has more than {} figures; split it", out.source, kMostFigures);
  }
  try {
    const Fields fields(value, place);
    out.figures.push_back(Reader(fields).read());
    out.figures.back().place = place;
  } catch (const Error& error) {
    out.broken.push_back({place, error.what()});
  }
}

void add_lines(std::string_view text, OutsideFigures& out) {
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("line {}", number);
    try {
      add(parse_json(line, place), place, out);
    } catch (const Error& error) {
      if (out.figures.size() + out.broken.size() >= kMostFigures) throw;
      out.broken.push_back({place, error.what()});
    }
  }
}

}  // namespace

OutsideFigures read_llama_bench(std::string_view text, const std::string& label) {
  OutsideFigures out;
  out.source = label;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') {
    out.format = "llama-bench JSON Lines";
    add_lines(text, out);
    return out;
  }
  out.format = "llama-bench JSON";
  const json list = parse_json(text, label);
  if (!list.is_array()) {
    fail(ExitCode::integrity, "'{}' is not a list; expected what llama-bench -o json prints",
         label);
  }
  for (std::size_t i = 0; i < list.size(); ++i) add(list[i], fmt::format("[{}]", i), out);
  return out;
}

}  // namespace ceiling::lab
