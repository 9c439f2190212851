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
          "of the device's own memory, at most this much (24GiB); what does not fit runs on the "
          "CPU")
      ->type_name("SIZE");
  command.add_flag("--no-spill", flags.options.no_spill,
                   "refuse a model that does not fit the device's memory (exit code 3)");
  const std::map<std::string, KvType> types = {{"f16", KvType::f16}, {"q8_0", KvType::q8_0}};
  command.add_option("--kv", flags.options.kv, "type of the KV cache: f16 (default) or q8_0")
      ->transform(CLI::CheckedTransformer(types, CLI::ignore_case).description(""))
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
