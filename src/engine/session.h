// A model on its devices with a KV cache: prefill, decode, score.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "device/device.h"
#include "engine/model.h"

namespace ceiling {

// Who runs what does not fit a device's memory: SpillWay's, or by measured rates.
enum class SpillMode : std::uint8_t { cpu, stream, both, automatic };

struct SessionOptions {
  std::string device = "cpu";       // one of device_names()
  std::string prefill_device = {};  // prompts run on it; empty: on `device`, as answers do
  unsigned threads = 0;             // 0: default
  std::uint32_t context = 0;        // positions of one sequence; 0: min(model's limit, 4096)
  std::uint32_t sequences = 1;
  std::uint32_t batch_rows = 512;  // prompt chunk
  std::uint32_t logit_rows = 1;    // most rows whose logits are wanted in one step
  KvType kv = KvType::f16;
  std::uint64_t device_memory = 0;  // bytes of a device's own memory; 0: what is free
  bool no_spill = false;            // refuse where something would not fit that memory
  SpillMode spill = SpillMode::automatic;
  // How fast the CPU reads the model's mapping now: asked for where something spills and the mode
  // goes by rates. Empty: unknown.
  std::function<BytesPerSecond()> host_read_rate = {};
};

class Session {
 public:
  // Throws Error(usage): unknown device, a context beyond the model's limit; Error(failed): the KV
  // cache and the buffers do not fit the memory that is free, or the device is not there, or it
  // cannot stream what was asked to be; Error(refused): no_spill, and something does not fit.
  Session(std::shared_ptr<const Model> model, const SessionOptions& options);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  const Model& model() const;
  Device& device();                             // the one asked for
  std::string description() const;              // of all units in use
  Executable& executable();                     // of answers
  Executable& executable_of(std::size_t rows);  // of a batch of one sequence: the same, or another
  Traffic traffic() const;                      // of all
  const Placement& placement() const;           // of answers
  const Placement& prompt_placement() const;    // likewise
  const std::string& spill_reason() const;  // one line; empty: nothing spills, or it was asked so
  const SessionOptions& options() const;    // with the defaults filled in
  std::uint32_t context() const;
  std::uint64_t kv_bytes() const;           // of all positions that the session may hold
  std::uint64_t handed_over_bytes() const;  // of KV cache, between prefill_device and device

  // Appends tokens to a sequence, in chunks; returns the last token's logits [vocabulary], valid
  // until the next call. Throws Error(usage) for zero tokens, tokens outside the vocabulary, or
  // more than the context holds (nothing is appended then). `go_on`, asked between chunks, may end
  // it early: the chunks before stay, the result is empty.
  std::span<const float> append(std::uint32_t sequence, std::span<const Token> tokens,
                                const std::function<bool()>& go_on = {});
  // One decode step of several sequences, each named once: tokens[i] goes to sequences[i]; logits
  // [n, vocabulary].
  std::span<const float> step(std::span<const std::uint32_t> sequences,
                              std::span<const Token> tokens);
  // Appends tokens and hands over each position's logits in order: visit(position, logits).
  void score(std::uint32_t sequence, std::span<const Token> tokens,
             const std::function<void(std::uint32_t, std::span<const float>)>& visit);

  std::uint32_t length(std::uint32_t sequence) const;
  void truncate(std::uint32_t sequence, std::uint32_t length);
  void fork(std::uint32_t from, std::uint32_t to);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ceiling
