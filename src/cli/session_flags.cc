#include "cli/session_flags.h"

#include <CLI/CLI.hpp>

#include <fmt/core.h>

#include <map>

#include "cli/device_measurement.h"
#include "engine/devices.h"

namespace ceiling::cli {
namespace {

constexpr std::string_view kAuto = "auto";

std::vector<std::string> names_and_auto() {
  std::vector<std::string> names{std::string(kAuto)};
  for (const std::string_view name : device_names()) names.emplace_back(name);
  return names;
}

// One of some names, whatever their case; others are refused with the names that there are.
template <typename T>
CLI::Option* add_choice(CLI::App& command, const std::string& flag, T& value,
                        const std::map<std::string, T>& choices, const std::string& help) {
  std::vector<std::string> names;
  for (const auto& [name, choice] : choices) names.push_back(name);
  return command
      .add_option_function<std::string>(
          flag, [&value, choices](const std::string& name) { value = choices.at(name); }, help)
      ->transform(CLI::IsMember(names, CLI::ignore_case).description(""));
}

}  // namespace

void add_model_flag(CLI::App& command, SessionFlags& flags) {
  command
      .add_option("-m,--model", flags.model,
                  "GGUF file, or a name in the models folder (default: SmolLM2-135M-Instruct)")
      ->type_name("FILE|NAME");
}

void add_device_flags(CLI::App& command, SessionFlags& flags) {
  command
      .add_option("--device", flags.options.device,
                  "compute unit; auto: the one that reads the model fastest")
      ->check(CLI::IsMember(names_and_auto()))
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--device-memory",
          [&flags](const std::string& text) {
            flags.options.device_memory = parse_capacity(text).value;
          },
          "of the device's own memory, at most this much (24GiB); what does not fit spills")
      ->type_name("SIZE");
  command.add_flag("--no-spill", flags.options.no_spill,
                   "refuse a model that does not fit the device's memory (exit code 3)");
  add_choice<SpillMode>(command, "--spill", flags.options.spill,
                        {{"cpu", SpillMode::cpu},
                         {"stream", SpillMode::stream},
                         {"both", SpillMode::both},
                         {"auto", SpillMode::automatic}},
                        "who runs what does not fit: cpu, stream (it crosses the link at every "
                        "step), both, or auto (default): by measured rates")
      ->type_name("WAY");
  add_choice<KvType>(command, "--kv", flags.options.kv,
                     {{"f16", KvType::f16}, {"q8_0", KvType::q8_0}},
                     "type of the KV cache: f16 (default) or q8_0")
      ->type_name("TYPE");
}

void add_split_flags(CLI::App& command, SessionFlags& flags) {
  command
      .add_option("--prefill-device", flags.options.prefill_device,
                  "compute unit for prompts (default: --device); it hands the KV cache over")
      ->check(CLI::IsMember(names_and_auto()));
  command
      .add_option("--decode-device", flags.options.device, "compute unit for answers: as --device")
      ->check(CLI::IsMember(names_and_auto()));
}

SessionOptions settled(const Model& model, SessionOptions options) {
  options.host_read_rate = [&model] { return host_read_rate(model); };
  if (options.device != kAuto && options.prefill_device != kAuto) return options;
  const DeviceChoice choice = measure_and_choose(model, options);
  for (std::string* device : {&options.device, &options.prefill_device}) {
    if (*device == kAuto) *device = choice.device;
  }
  fmt::print(stderr, "device {}\n", choice.reason);
  return options;
}

void add_threads_flag(CLI::App& command, SessionFlags& flags) {
  command
      .add_option("-t,--threads", flags.options.threads,
                  "threads (default: one a physical core that this process may use)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

void add_context_flag(CLI::App& command, SessionFlags& flags) {
  command
      .add_option("-c,--context", flags.options.context,
                  "positions of the context (default: what the model knows, at most 4096)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

}  // namespace ceiling::cli
