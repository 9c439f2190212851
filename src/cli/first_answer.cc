#include "cli/first_answer.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/terminal.h"
#include "cli/answer_summary.h"
#include "cli/answer_text.h"
#include "cli/measured_ceiling.h"
#include "cli/model_path.h"
#include "fit/decode_prediction.h"
#include "model/shapes.h"
#include "os/cpu.h"
#include "os/interrupt.h"
#include "probe/machine.h"
#include "probe/measure.h"

namespace ceiling::cli {
namespace {

constexpr const char* kQuestion = "In one sentence, what is a computer's memory?";
constexpr std::uint32_t kContext = 4096;  // positions that a model must fit with
constexpr std::uint32_t kTokens = 128;    // of an answer, for speeds
constexpr std::uint64_t kBuffers = std::uint64_t{150} << 20U;

std::string bold(const std::string& text) {
  return colour_wanted() ? "\033[1m" + text + "\033[0m" : text;
}

BytesPerSecond print_machine(const probe::Machine& machine) {
  fmt::print("{}  {}\n", bold("This machine"), probe::one_line(machine));
  fmt::print("              {} of memory, {} of it free\n", format_capacity(machine.memory.total),
             format_capacity(machine.memory.available));
  std::fflush(stdout);
  const unsigned threads = os::default_threads();
  const Bytes region = {
      std::min(probe::sufficient_region().value, machine.memory.available.value / 4)};
  Progress progress("reading memory", 0);
  const auto memory = probe::filled_memory(region, threads);
  const probe::Distribution rates =
      probe::measure_bandwidth({memory.data(), memory.size()}, threads, {2.0}).gb_per_s;
  progress.set(0);
  fmt::print("{}   {:.1f} GB/s read by {} thread{} (most readings: {:.1f} to {:.1f})\n\n",
             bold("Its ceiling"), rates.median(), threads, threads == 1 ? "" : "s",
             rates.quantile(0.1), rates.quantile(0.9));
  return {rates.median() * 1e9};
}

std::string fits(std::uint64_t needed, const os::MemoryInfo& memory) {
  if (needed <= memory.available.value) return "yes";
  return needed <= memory.total.value ? "if others close" : "no";
}

// Four predictions in five, as long as memory gives what it gave just now.
std::string expected(const fit::DecodePrediction& prediction) {
  const double most = prediction.ceiling_tokens_per_s;
  return format_count(most * prediction.share.p80.low) + "-" +
         format_count(most * prediction.share.p80.high);
}

void print_sizes(const os::MemoryInfo& memory, BytesPerSecond read) {
  fmt::print(
      "To make one token, every weight is read once: a model of twice the bytes makes\n"
      "at most half the tokens. At Q4_K_M, in tokens/s (expected: four times in five):\n\n"
      "  size   read a token   memory needed   fits               at most     expected\n");
  fit::MachineRates rates;
  rates.read = read;
  rates.threads = os::default_threads();
  for (const Shape& shape : shapes()) {
    const Program program = shape_program(shape, "Q4_K_M");
    const fit::DecodePrediction prediction = fit::predict_decode(program, 0, kTokens, rates);
    const std::uint64_t needed =
        program.weight_bytes() + kContext * kv_bytes_per_position(program) + kBuffers;
    const bool possible = needed <= memory.total.value;
    fmt::print("  {:<5} {:>13} {:>15}   {:<15} {:>10} {:>12}\n", shape.name,
               format_capacity({prediction.bytes_per_token}), format_capacity({needed}),
               fits(needed, memory), possible ? format_count(prediction.ceiling_tokens_per_s) : "-",
               possible ? expected(prediction) : "-");
  }
  fmt::print("\n");
}

// Indented lines of at most `columns`, broken at spaces.
std::string wrapped(const std::string& text, std::size_t columns) {
  std::string lines;
  std::size_t column = columns;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const bool breaks = column + 1 + word.size() > columns;
    if (breaks && !lines.empty()) lines += "\n";
    column = breaks ? 2 + word.size() : column + 1 + word.size();
    lines += (breaks ? "  " : " ") + word;
    begin = end + 1;
  }
  return lines + "\n";
}

// One answer of the default model; nothing but a hint when it has not been fetched.
void print_sentence() {
  std::string path;
  try {
    path = model_path("");
  } catch (const Error& error) {
    fmt::print("No answer yet: {}\n\n", error.what());
    return;
  }
  const auto model = Model::open(path);
  const auto format = model->chat_format();
  Session session(model, {});
  GenerateOptions options;
  options.max_tokens = 60;
  options.sampling.temperature = 0;
  options.stop_tokens = format->stop_tokens();
  options.stop_texts = {"\n"};
  const std::vector<ChatMessage> messages = {{"user", kQuestion}};
  AnswerSummary summary;
  summary.generation = generate(session, 0, format->encode(messages), options,
                                [](std::string_view) { return true; });
  summary.ceiling = measure_ceiling(model->weights()->pool());
  fmt::print("{} \"{}\"\n", bold("SmolLM2-135M, asked"), kQuestion);
  print_answer_text(wrapped(summary.generation.text, 76));
  fmt::print("  {} tokens/s: {}, {:.0f} % of the ceiling over this small model\n\n",
             format_count(summary.generation.tokens_per_s()),
             format_bandwidth(summary.decode_rate()), 100 * summary.share_of_ceiling());
}

void print_next() {
  fmt::print(
      "{}\n"
      "  ./run chat                      talk with this model\n"
      "  ./run lab --quick               predict, then measure three sizes: a report\n"
      "  ./run bench --profile           where the time of a token goes\n"
      "  ./run run -m FILE.gguf -p TEXT  a model of your own\n"
      "  ./run --help                    everything else\n",
      bold("Next"));
}

}  // namespace

void print_first_answer() {
  os::install_interrupt_handler();
  const probe::Machine machine = probe::describe_machine();
  const BytesPerSecond ceiling = print_machine(machine);
  print_sizes(machine.memory, ceiling);
  print_sentence();
  print_next();
}

}  // namespace ceiling::cli
