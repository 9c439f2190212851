// One model on one machine: does it fit, where does it lie, how fast does it run, and why.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fit/decode_prediction.h"
#include "fit/engine.h"
#include "fit/hardware.h"
#include "fit/prediction.h"
#include "fit/speed_model.h"
#include "model/cost.h"
#include "model/placement.h"
#include "model/program.h"

namespace ceiling::fit {

// comfortable: room to spare; tight: it fits with less than a seventh of the budget left; spills:
// part of it runs on the host's processor at every token; does_not_fit: not even so.
enum class Verdict : std::uint8_t { comfortable, tight, spills, does_not_fit };
std::string_view name(Verdict verdict);

enum class Reading : std::uint8_t { comfortable, slow, too_slow };  // from 30 and 10 tokens/s
Reading reading_at(double tokens_per_s);
std::string_view name(Reading reading);

// What memory there is for a model. On unified memory the GPU may take three quarters (Apple's
// default); a card keeps some for its driver, a host for its system.
struct Budget {
  std::uint64_t memory_bytes = 0;  // of the device
  std::uint64_t system_bytes = 0;  // of these, kept by driver or system
  std::uint64_t host_bytes = 0;    // beside a card, for what spills; 0: unified memory or a CPU
  std::uint64_t usable() const { return memory_bytes - system_bytes; }
};
Budget budget_of(const Hardware& hardware, std::uint64_t memory_bytes, std::uint64_t host_bytes);

struct Need {
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_bytes = 0;         // at the whole context
  std::uint64_t workspace_bytes = 0;  // activations of a prompt's chunk, buffers
  std::uint64_t total() const { return weight_bytes + kv_bytes + workspace_bytes; }
};
Need need_of(const Program& program, std::uint32_t context, KvType kv);

// The host beside a card: what runs the layers that spill.
struct Host {
  std::uint64_t memory_bytes = std::uint64_t{32} << 30U;
  BytesPerSecond bandwidth{89.6e9};  // two channels of DDR5-5600
};

// All that an answer depends on; every field can be overridden.
struct Question {
  Hardware hardware;
  Engine engine;
  std::uint64_t memory_bytes = 0;
  Host host;
  std::string model;  // for people: "70B"
  std::string type;   // "Q4_K_M"
  TypeClass type_class = TypeClass::super_blocks;
  double file_scale = 1;
  std::uint32_t context = 4096;
  std::uint32_t prompt = 512;
  KvType kv = KvType::f16;
  double fixed_scale = 1;          // of the cost of each step: for asking what is worth improving
  std::uint64_t usable_bytes = 0;  // of the memory, for a model; 0: what the system leaves (Budget)
};

struct Answer {
  Budget budget;
  Need need;
  Verdict verdict = Verdict::comfortable;
  Placement placement;
  double spilled_share = 0;  // of the weights
  DecodeTime device;         // as if all of it were on the device
  double host_token_s = 0;   // as if all of it were on the host's processor; 0: nothing spills
  double token_s = 0;
  Prediction tokens_per_s;               // after the prompt
  Prediction tokens_per_s_full_context;  // at the end of the context
  Prediction first_token_s;              // of the prompt
  double ceiling_tokens_per_s = 0;       // bytes a token at the peak bandwidth
  Reading reading = Reading::comfortable;
  std::string reason;  // "read 4.1 GB at 204 GB/s of 273, fixed 4.3 ms"
};

// Throws Error(usage): memory or bandwidth unknown, more of it usable than there is, a context
// beyond the model's or of 0, a prompt beyond the context.
Answer answer(const Question& question, const Program& program, const SpeedModel& model);

// The same for this machine and this program's own engine, from rates measured here: decode as
// predict_decode (its KV cache of the question's type), the prompt as estimate_prefill; what the
// question changes of fixed costs and arithmetic changes them too.
Answer answer_here(const Question& question, const Program& program, const SpeedModel& model,
                   const MachineRates& measured);

// Layer times add: a token takes its time on the device for the layers there, and the host's for
// the rest.
double spilled_token_s(double all_on_device_s, double all_on_host_s, double spilled_share);

// A question with one figure changed, for `--what-if`: "bandwidth=1.5x", "memory=48GiB",
// "fixed=0.5x"; keys bandwidth, compute, fixed, memory, host-bandwidth. Throws Error(usage) naming
// the key or value, with what was expected.
Question changed(const Question& question, std::string_view change);

}  // namespace ceiling::fit
