#include "fit/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "base/units.h"
#include "fit/table.h"

namespace ceiling::fit {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
constexpr double kComfortableShare = 0.86;     // of what is usable
constexpr std::uint32_t kChunk = 512;          // prompt rows at a time
constexpr std::uint64_t kBuffers = 96 * kMiB;  // of an engine, whatever the model
constexpr std::uint32_t kDecoded = 128;        // tokens that a speed is the mean of

void check(const Question& question, const Program& program) {
  if (question.memory_bytes == 0) {
    fail(ExitCode::usage, "the memory of '{}' is unknown: give it, for example --memory 24GiB",
         question.hardware.name);
  }
  if (question.usable_bytes > question.memory_bytes) {
    fail(ExitCode::usage, "usable memory of {} is more than there is: '{}' has {}",
         format_capacity({question.usable_bytes}), question.hardware.name,
         format_capacity({question.memory_bytes}));
  }
  if (question.context == 0 || question.context > program.context_limit) {
    fail(ExitCode::usage, "context {} is not possible: {} was trained for {} positions",
         question.context, question.model, program.context_limit);
  }
  if (question.prompt == 0 || question.prompt > question.context) {
    fail(ExitCode::usage, "a prompt of {} tokens does not go into a context of {}: give -p 1 to {}",
         question.prompt, question.context, question.context);
  }
}

std::vector<UnitBudget> units_of(const Question& question, const Budget& budget, const Need& need) {
  const Hardware& hardware = question.hardware;
  std::vector<UnitBudget> units;
  if (hardware.kind != Kind::cpu) {
    units.push_back({.unit = "gpu",
                     .reads_mapping = hardware.kind == Kind::unified,
                     .memory_bytes = budget.usable(),
                     .workspace_bytes = need.workspace_bytes,
                     .read_bytes_per_s = hardware.bandwidth.value,
                     .link_bytes_per_s = hardware.link.value});
  }
  units.push_back(
      {.unit = "cpu",
       .reads_mapping = true,
       .memory_bytes = hardware.kind == Kind::discrete ? budget.host_bytes : budget.memory_bytes,
       .read_bytes_per_s = question.host.bandwidth.value});
  return units;
}

Verdict verdict_of(const Question& question, const Budget& budget, const Need& need) {
  const auto total = static_cast<double>(need.total());
  const auto usable = static_cast<double>(budget.usable());
  if (total <= usable * kComfortableShare) return Verdict::comfortable;
  if (total <= usable) return Verdict::tight;
  if (question.hardware.kind == Kind::cpu) return Verdict::does_not_fit;
  // A host keeps an eighth for its system.
  const std::uint64_t all = question.hardware.kind == Kind::unified
                                ? budget.memory_bytes - budget.memory_bytes / 8
                                : budget.usable() + budget.host_bytes - budget.host_bytes / 8;
  return need.total() <= all ? Verdict::spills : Verdict::does_not_fit;
}

// The processor that runs what spills.
Hardware host_processor(const Question& question) {
  Hardware host;
  host.name = "the host's processor";
  host.vendor = question.hardware.kind == Kind::unified ? question.hardware.vendor : "generic";
  host.kind = Kind::cpu;
  host.family = question.hardware.vendor == "Apple" ? "CPU Apple" : "CPU desktop";
  host.bandwidth = question.hardware.kind == Kind::unified ? question.hardware.bandwidth
                                                           : question.host.bandwidth;
  return host;
}

struct Speed {
  DecodeTime device;
  double host_token_s = 0;
  double token_s = 0;
  Prediction tokens_per_s;
};

Speed decode_speed(const Question& question, const Program& program, const SpeedModel& model,
                   double spilled_share, std::uint32_t depth) {
  const DecodeWork work =
      decode_work(program, question.type_class, depth, kDecoded, question.kv, question.file_scale);
  Speed speed;
  speed.device = model.decode(question.hardware, question.engine, work);
  speed.device.fixed_s *= question.fixed_scale;
  speed.token_s = speed.device.total_s();
  double p80 = half_width(speed.device.tokens_per_s.p80);
  double p95 = half_width(speed.device.tokens_per_s.p95);
  if (spilled_share > 0) {
    const Hardware host = host_processor(question);
    Engine engine = usual_engine(host);
    const DecodeTime on_host = model.decode(host, engine, work);
    speed.host_token_s = on_host.total_s();
    speed.token_s = spilled_token_s(speed.token_s, speed.host_token_s, spilled_share);
    p80 = std::max(p80, half_width(on_host.tokens_per_s.p80));
    p95 = std::max(p95, half_width(on_host.tokens_per_s.p95));
  }
  speed.tokens_per_s = with_half_widths(1 / speed.token_s, p80, p95);
  return speed;
}

// Of a token's time, where it is worth a word.
std::string kv_of_step(const DecodeTime& time) {
  constexpr double kWorthSaying = 0.02;
  if (time.kv_s <= kWorthSaying * time.total_s()) return {};
  return fmt::format(", KV {:.1f} ms", time.kv_s * 1e3);
}

std::string reason_of(const Question& question, const Answer& answer, const DecodeWork& work) {
  const DecodeTime& device = answer.device;
  const double stream_gb_s = work.weight_bytes / device.stream_s / 1e9;
  std::string text = fmt::format("read {:.1f} GB at {:.0f} GB/s of {:.0f}, fixed {:.1f} ms",
                                 work.weight_bytes / 1e9, stream_gb_s,
                                 question.hardware.bandwidth.gb_per_s(), device.fixed_s * 1e3);
  text += kv_of_step(device);
  if (answer.spilled_share > 0) {
    text +=
        fmt::format("; {:.0f} % spilled, {:.0f} ms on the host's processor",
                    answer.spilled_share * 100, answer.spilled_share * answer.host_token_s * 1e3);
  }
  return text;
}

double changed_value(double old, std::string_view value, std::string_view change) {
  const bool factor = value.ends_with('x');
  const auto number = parse_number(factor ? value.substr(0, value.size() - 1) : value);
  if (!number || !(*number > 0)) {
    fail(ExitCode::usage, "'{}': the value is '{}'; expected a positive factor such as 1.5x",
         printable(std::string(change), 60), printable(std::string(value), 40));
  }
  return factor ? old * *number : *number;
}

}  // namespace

std::string_view name(Verdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"fits comfortably", "tight", "spills",
                                                      "does not fit"};
  return kNames[static_cast<std::size_t>(verdict)];
}

Reading reading_at(double tokens_per_s) {
  constexpr double kComfortable = 30;
  constexpr double kSlow = 10;
  if (tokens_per_s >= kComfortable) return Reading::comfortable;
  return tokens_per_s >= kSlow ? Reading::slow : Reading::too_slow;
}

std::string_view name(Reading reading) {
  constexpr std::array<std::string_view, 3> kNames = {"comfortable reading", "slow reading",
                                                      "slower than reading"};
  return kNames[static_cast<std::size_t>(reading)];
}

Budget budget_of(const Hardware& hardware, std::uint64_t memory_bytes, std::uint64_t host_bytes) {
  Budget budget{.memory_bytes = memory_bytes};
  switch (hardware.kind) {
    case Kind::unified:
      budget.system_bytes = memory_bytes / 4;
      break;
    case Kind::discrete:
      budget.system_bytes = std::min(memory_bytes / 8, 640 * kMiB);
      budget.host_bytes = host_bytes;
      break;
    case Kind::cpu:
      budget.system_bytes = std::min(memory_bytes / 4, std::max(memory_bytes / 10, 2 * kGiB));
      break;
  }
  return budget;
}

Need need_of(const Program& program, std::uint32_t context, KvType kv) {
  Need need{.weight_bytes = program.weight_bytes(),
            .kv_bytes = context * kv_bytes_per_position(program, kv)};
  std::uint64_t row_bytes = 0;
  std::uint64_t logit_bytes = 0;
  for (const Value& value : program.values) {
    (value.rows == RowSet::batch ? row_bytes : logit_bytes) += value.width * sizeof(float);
  }
  need.workspace_bytes = row_bytes * std::min(context, kChunk) + logit_bytes + kBuffers;
  return need;
}

double spilled_token_s(double all_on_device_s, double all_on_host_s, double spilled_share) {
  return (1 - spilled_share) * all_on_device_s + spilled_share * all_on_host_s;
}

Answer answer(const Question& question, const Program& program, const SpeedModel& model) {
  check(question, program);
  Answer out;
  out.budget = budget_of(question.hardware, question.memory_bytes, question.host.memory_bytes);
  if (question.usable_bytes > 0) {
    out.budget.system_bytes = question.memory_bytes - question.usable_bytes;
  }
  out.need = need_of(program, question.context, question.kv);
  out.need.weight_bytes = static_cast<std::uint64_t>(
      std::llround(static_cast<double>(out.need.weight_bytes) * question.file_scale));
  out.verdict = verdict_of(question, out.budget, out.need);
  out.placement = place(program, units_of(question, out.budget, out.need), question.context, 1,
                        question.kv, Phase::decode);
  out.spilled_share = static_cast<double>(out.placement.spilled_bytes) /
                      static_cast<double>(std::max<std::uint64_t>(program.weight_bytes(), 1));

  const std::uint32_t after_prompt = std::min(question.prompt, question.context - 1);
  const Speed speed = decode_speed(question, program, model, out.spilled_share, after_prompt);
  out.device = speed.device;
  out.host_token_s = speed.host_token_s;
  out.token_s = speed.token_s;
  out.tokens_per_s = speed.tokens_per_s;
  const std::uint32_t last = question.context > kDecoded ? question.context - kDecoded : 0;
  out.tokens_per_s_full_context =
      decode_speed(question, program, model, out.spilled_share, last).tokens_per_s;

  const PrefillTime prefill = model.prefill(
      question.hardware, question.engine,
      prefill_work(program, question.type_class, 0, question.prompt, question.file_scale));
  // Spilled layers of a prompt run on the host too: slower as the token is.
  const double first_s = prefill.total_s * (out.token_s / speed.device.total_s()) + out.token_s;
  out.first_token_s = with_half_widths(first_s, half_width(prefill.tokens_per_s.p80),
                                       half_width(prefill.tokens_per_s.p95));

  const DecodeWork work = decode_work(program, question.type_class, after_prompt, kDecoded,
                                      question.kv, question.file_scale);
  out.ceiling_tokens_per_s =
      question.hardware.bandwidth.value / (work.weight_bytes + work.kv_bytes);
  out.reading = reading_at(out.tokens_per_s.median);
  out.reason = reason_of(question, out, work);
  return out;
}

Answer answer_here(const Question& question, const Program& program, const SpeedModel& model,
                   const MachineRates& measured) {
  constexpr double kPrefillLogSd = 0.35;  // of the rough estimate
  Answer out = answer(question, program, model);
  MachineRates rates = measured;
  rates.calibration.fixed *= question.fixed_scale;
  rates.compute *= question.hardware.compute;
  const std::uint32_t after_prompt = std::min(question.prompt, question.context - 1);
  const DecodePrediction here = predict_decode(program, after_prompt, kDecoded, rates, question.kv);
  const std::uint32_t last = question.context > kDecoded ? question.context - kDecoded : 0;
  out.tokens_per_s = here.tokens_per_s;
  out.tokens_per_s_full_context =
      predict_decode(program, last, kDecoded, rates, question.kv).tokens_per_s;
  out.device = {.fixed_s = here.fixed_s,
                .stream_s = here.stream_s,
                .kv_s = here.kv_s,
                .tokens_per_s = here.tokens_per_s};
  out.token_s = 1 / here.tokens_per_s.median;
  out.ceiling_tokens_per_s = here.ceiling_tokens_per_s;
  out.first_token_s = log_normal(
      estimate_prefill(program, question.prompt, rates).value + out.token_s, kPrefillLogSd);
  out.reading = reading_at(out.tokens_per_s.median);
  out.reason = fmt::format("read {:.2f} GB at {:.1f} GB/s measured here, {:.0f} % of that ceiling",
                           static_cast<double>(here.bytes_per_token) / 1e9, rates.read.gb_per_s(),
                           here.share.median * 100);
  out.reason += kv_of_step(out.device);
  return out;
}

Question changed(const Question& question, std::string_view change) {
  const std::size_t equals = change.find('=');
  const std::string_view key = change.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view{} : change.substr(equals + 1);
  Question out = question;
  if (key == "bandwidth") {
    out.hardware.bandwidth.value =
        changed_value(out.hardware.bandwidth.gb_per_s(), value, change) * 1e9;
  } else if (key == "host-bandwidth") {
    out.host.bandwidth.value = changed_value(out.host.bandwidth.gb_per_s(), value, change) * 1e9;
  } else if (key == "compute") {
    out.hardware.compute = changed_value(out.hardware.compute, value, change);
  } else if (key == "fixed") {
    out.fixed_scale = changed_value(out.fixed_scale, value, change);
  } else if (key == "memory") {
    out.memory_bytes = value.ends_with('x')
                           ? static_cast<std::uint64_t>(changed_value(
                                 static_cast<double>(out.memory_bytes), value, change))
                           : parse_capacity(std::string(value)).value;
  } else {
    fail(ExitCode::usage,
         "'{}': '{}' cannot be changed; choose bandwidth, compute, fixed, memory or "
         "host-bandwidth, as in bandwidth=1.5x",
         printable(std::string(change), 60), printable(std::string(key), 40));
  }
  return out;
}

}  // namespace ceiling::fit
