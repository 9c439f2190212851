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

struct SessionOptions {
  std::string device = "cpu";  // "cpu", "reference"
  unsigned threads = 0;        // 0: default
  std::uint32_t context = 0;   // positions of one sequence; 0: min(model's limit, 4096)
  std::uint32_t sequences = 1;
  std::uint32_t batch_rows = 512;  // prompt chunk
  std::uint32_t logit_rows = 1;    // most rows whose logits are wanted in one step
  KvType kv = KvType::f16;
};

class Session {
 public:
  Session(std::shared_ptr<const Model> model, const SessionOptions& options);
  ~Session();
  Session(Session&&) noexcept;

  const Model& model() const;
  Device& device();
  Executable& executable();
  const Placement& placement() const;
  const SessionOptions& options() const;  // with the defaults filled in
  std::uint32_t context() const;

  // Appends tokens to a sequence; returns the last token's logits [vocabulary], valid until the
  // next call. Throws Error(usage) for zero tokens, tokens outside the vocabulary, or more than the
  // context holds.
  std::span<const float> append(std::uint32_t sequence, std::span<const Token> tokens);
  // One decode step of several sequences: tokens[i] goes to sequences[i]; logits [n, vocabulary].
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
