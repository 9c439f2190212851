#include "fit/speed_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "fit/data.h"

namespace ceiling::fit {
namespace {

// Where the catalogue lacks a float32 rate.
constexpr double kUnknownFlops = 5e12;
// One CPU thread, in the units of the GPUs' float32 rates: only ratios matter, the fit finds the
// rest.
constexpr double kNominalThreadFlops = 0.04e12;
// Shares and fixed costs change with bandwidth around this one (bytes/s).
constexpr double kMiddleBandwidth = 400e9;
// When the backends that grew up late read memory as the others do.
constexpr double kGrownUp = 2025.6;
// Years before that, beyond which a result says nothing of a family that no other is known of.
constexpr double kEarly = 0.6;

unsigned usual_threads(const std::string& family) {
  if (family == "CPU server") return 32;
  if (family == "CPU desktop") return 16;
  if (family == "CPU small") return 4;
  return 8;
}

}  // namespace

std::string vendor_group(const Hardware& hardware, const Engine& engine) {
  return engine.backend == Backend::cpu ? "CPU" : hardware.vendor;
}

std::string family_group(const Hardware& hardware, const Engine& engine) {
  if (engine.backend != Backend::cpu) return hardware.family;
  return hardware.vendor == "Apple" && hardware.family != "CPU desktop" ? "CPU Apple" : "CPU x86";
}

std::string spread_group(const Hardware& hardware, const Engine& engine) {
  switch (engine.backend) {
    case Backend::cuda:
    case Backend::metal:
    case Backend::cpu:
    case Backend::small_host:
      return std::string(name(engine.backend));
    default:
      break;
  }
  if (hardware.vendor == "AMD") return "amd";
  return hardware.vendor == "Intel" ? "intel" : "other";
}

double build_step(double year) {
  const double step = 1 / (1 + std::exp(-(year - 2024.6) / 0.08)) - 0.5;
  return step + 0.3 * std::clamp(year - 2024.5, -1.0, 1.5);
}

double backend_youth(const Engine& engine) {
  switch (engine.backend) {
    case Backend::rocm:
    case Backend::vulkan:
    case Backend::sycl:
    case Backend::opencl:
      return std::max(0.0, kGrownUp - engine.year);
    default:
      return 0;
  }
}

unsigned cpu_threads(const Hardware& hardware, const Engine& engine) {
  const unsigned cores = hardware.cpu_threads;
  if (engine.threads > 0) return cores > 0 ? std::min(engine.threads, cores) : engine.threads;
  return cores > 0 ? cores : usual_threads(hardware.family);
}

double unpack_flops(const Hardware& hardware, const Engine& engine) {
  if (engine.backend == Backend::cpu) {
    return hardware.compute * cpu_threads(hardware, engine) * kNominalThreadFlops;
  }
  return hardware.compute * (hardware.fp32_flops > 0 ? hardware.fp32_flops : kUnknownFlops);
}

double matrix_flops(const Hardware& hardware, const Engine& engine) {
  if (engine.backend == Backend::cpu) return unpack_flops(hardware, engine);
  if (hardware.fp16_flops > 0) return hardware.compute * hardware.fp16_flops;
  const double vector = unpack_flops(hardware, engine);
  return hardware.vendor == "NVIDIA" && hardware.family != "Pascal" ? 4 * vector : 2 * vector;
}

SpeedModel SpeedModel::parse(std::string_view json) {
  SpeedModel model;
  try {
    const auto root = nlohmann::json::parse(json);
    root.at("decode").get_to(model.decode_);
    root.at("prefill").get_to(model.prefill_);
    model.unseen_family_ = root.at("unseen_family");
    for (const auto& [group, widths] : root.at("spread").items()) {
      model.spread_[group] = {.p80 = widths.at("p80"), .p95 = widths.at("p95")};
    }
  } catch (const nlohmann::json::exception& error) {
    fail(ExitCode::integrity, "the fitted speed model cannot be read: {}", error.what());
  }
  return model;
}

const SpeedModel& SpeedModel::fitted() {
  static const SpeedModel model = parse(speed_model_json());
  return model;
}

double SpeedModel::term(const Terms& terms, std::string_view name) const {
  const auto found = terms.find(name);
  return found == terms.end() ? 0 : found->second;
}

double SpeedModel::nested(const Terms& terms, std::string_view quantity, const Hardware& hardware,
                          const Engine& engine) const {
  const std::string vendor = vendor_group(hardware, engine);
  const std::string family = family_group(hardware, engine);
  const std::string_view backend = name(engine.backend);
  return term(terms, fmt::format("{}", quantity)) +
         term(terms, fmt::format("{}/vendor={}", quantity, vendor)) +
         term(terms, fmt::format("{}/family={}", quantity, family)) +
         term(terms, fmt::format("{}/backend={}", quantity, backend)) +
         term(terms, fmt::format("{}/backend={}/vendor={}", quantity, backend, vendor)) +
         term(terms, fmt::format("{}/backend={}/family={}", quantity, backend, family));
}

double SpeedModel::of_backend(const Terms& terms, std::string_view quantity,
                              const Engine& engine) const {
  return term(terms, quantity) +
         term(terms, fmt::format("{}/backend={}", quantity, name(engine.backend)));
}

double SpeedModel::build_effect(const Terms& terms, std::string_view quantity,
                                const Engine& engine) const {
  return -of_backend(terms, fmt::format("{}/build", quantity), engine) * build_step(engine.year);
}

Prediction SpeedModel::around(double median, std::string_view phase, const Hardware& hardware,
                              const Engine& engine, bool experts) const {
  const std::string group = experts ? "experts" : spread_group(hardware, engine);
  auto found = spread_.find(fmt::format("{}/{}", phase, group));
  if (found == spread_.end()) found = spread_.find(fmt::format("{}/other", phase));
  if (found == spread_.end()) {
    fail(ExitCode::integrity, "the fitted speed model lacks a spread for {}/{}", phase, group);
  }
  const double wider = knows_family(family_group(hardware, engine)) ? 1 : unseen_family_;
  return with_half_widths(median, wider * found->second.p80, wider * found->second.p95);
}

DecodeTime SpeedModel::decode(const Hardware& hardware, const Engine& engine,
                              const DecodeWork& work) const {
  const double bandwidth = hardware.bandwidth.value;
  if (!(bandwidth > 0)) {
    fail(ExitCode::usage,
         "the bandwidth of '{}' is unknown: give it, for example --bandwidth 300 (GB/s)",
         hardware.name);
  }
  const std::string_view backend = name(engine.backend);
  const std::string_view type = name(work.type);
  const double built_for = hardware.built_for.value > 0 ? hardware.built_for.value : bandwidth;
  const double wide = std::log(built_for / kMiddleBandwidth);
  const double share =
      1 / (1 + std::exp(-nested(decode_, "share", hardware, engine) -
                        of_backend(decode_, "share/youth", engine) * backend_youth(engine) -
                        of_backend(decode_, "share/bandwidth", engine) * wide));
  const double common =
      nested(decode_, "unpack", hardware, engine) + build_effect(decode_, "unpack", engine);
  const double build_of_type =
      -build_step(engine.year) *
      (term(decode_, fmt::format("unpack/build/type={}", type)) +
       term(decode_, fmt::format("unpack/build/backend={}/type={}", backend, type)));
  const double per_weight =
      std::exp(common + build_of_type + term(decode_, fmt::format("unpack/type={}", type)) +
               term(decode_, fmt::format("unpack/backend={}/type={}", backend, type)));
  const double per_byte = std::exp(common + term(decode_, "unpack/byte"));
  const double read_s = work.weight_bytes / (bandwidth * share);
  const double unpack_s =
      (work.weights * per_weight + work.weight_bytes * per_byte) / unpack_flops(hardware, engine);
  double kv = of_backend(decode_, "kv", engine) + build_effect(decode_, "kv", engine);
  if (!engine.flash_attention) kv += of_backend(decode_, "kv/without_flash", engine);
  double fixed = nested(decode_, "fixed", hardware, engine) +
                 build_effect(decode_, "fixed", engine) + term(decode_, "fixed/bandwidth") * wide;
  if (work.experts) fixed += term(decode_, "fixed/experts");
  DecodeTime time{.fixed_s = work.layers * std::exp(fixed),
                  .stream_s = std::hypot(read_s, unpack_s),
                  .kv_s = work.kv_bytes / bandwidth * std::exp(kv),
                  .tokens_per_s = {}};
  time.tokens_per_s = around(1 / time.total_s(), "decode", hardware, engine, work.experts);
  return time;
}

PrefillTime SpeedModel::prefill(const Hardware& hardware, const Engine& engine,
                                const PrefillWork& work) const {
  const std::string_view backend = name(engine.backend);
  const std::string_view type = name(work.type);
  const double vector = unpack_flops(hardware, engine) / 1e12;
  const double matrix = matrix_flops(hardware, engine) / 1e12;
  double rate = nested(prefill_, "rate", hardware, engine) -
                build_effect(prefill_, "rate", engine) +
                term(prefill_, "rate/vector") * std::log(vector) +
                term(prefill_, "rate/matrix") * std::log(matrix / vector) +
                term(prefill_, fmt::format("rate/type={}", type)) +
                term(prefill_, fmt::format("rate/backend={}/type={}", backend, type));
  if (work.experts) rate += term(prefill_, "rate/experts");
  double attention = of_backend(prefill_, "attention", engine);
  if (!engine.flash_attention) attention += term(prefill_, "attention/without_flash");
  const double seconds =
      (work.linear_operations + work.attention_operations * std::exp(attention)) /
          (1e12 * std::exp(rate)) +
      work.layers * std::exp(term(prefill_, "fixed"));
  return {.total_s = seconds,
          .tokens_per_s = around(work.tokens / seconds, "prefill", hardware, engine, work.experts)};
}

std::string SpeedModel::unknown(Phase phase, const Hardware& hardware, const Engine& engine) const {
  const Terms& terms = phase == Phase::decode ? decode_ : prefill_;
  const std::string_view quantity = phase == Phase::decode ? "share" : "rate";
  const std::string vendor = vendor_group(hardware, engine);
  if (!terms.contains(
          fmt::format("{}/backend={}/vendor={}", quantity, name(engine.backend), vendor))) {
    return fmt::format("no result of another {} device with {} is known", vendor,
                       name(engine.backend));
  }
  // How much of its bandwidth a chip reached then, only its kind tells; prompts are bound
  // otherwise.
  const std::string family = family_group(hardware, engine);
  if (phase == Phase::decode && backend_youth(engine) > kEarly && !knows_family(family)) {
    return fmt::format(
        "a build of {:.1f}, when {} was young, and no result of another chip of family '{}' is "
        "known",
        engine.year, name(engine.backend), family);
  }
  return {};
}

bool SpeedModel::knows_family(const std::string& family) const {
  return decode_.contains("share/family=" + family);
}

}  // namespace ceiling::fit
