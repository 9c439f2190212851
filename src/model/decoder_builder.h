// Writes the Program of a decoder-only transformer, piece by piece. Architectures say which pieces
// they have, and in which order (model/architectures/).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "gguf/metadata.h"
#include "model/hyperparameters.h"
#include "model/program.h"
#include "model/tensor_table.h"

namespace ceiling {

// What a Program is built from.
struct ModelSource {
  const gguf::Metadata& metadata;
  const TensorTable& tensors;
};

enum class Biases : std::uint8_t { where_present, required };

struct AttentionStyle {
  RopeLayout layout = RopeLayout::halves;
  float rope_base = 10000;
  float position_scale = 1;
  float scale = 1;  // of query times key
  std::optional<std::uint32_t> window;
  bool head_norms = false;                // of each query and key head, before RoPE
  Biases biases = Biases::where_present;  // of query, key and value
};

// Each piece works on the current branch (what the last piece wrote) or the residual stream, and
// throws Error(integrity) naming a tensor that is missing or mis-shaped.
class DecoderBuilder {
 public:
  explicit DecoderBuilder(const ModelSource& source);

  const Hyperparameters& hyperparameters() const { return hp_; }
  AttentionStyle attention_style() const;  // with the file's RoPE, and 1 / sqrt(key width)

  void embed(float scale);  // starts the residual stream
  void begin_layer(std::uint32_t layer);
  void norm(std::string_view tensor);         // residual stream -> branch
  void branch_norm(std::string_view tensor);  // branch, in place
  // attn_q, attn_k, attn_v, attn_output. In the last layer only the rows whose logits are wanted go
  // on: nobody reads what the others would become.
  void attention(const AttentionStyle& style);
  void feed_forward(Activation activation);  // ffn_gate, ffn_up, ffn_down
  // A mixture of experts: ffn_gate_inp chooses `used` of ffn_*_exps for each row; an expert that
  // all rows use (ffn_*_shexp) is added where the source has one.
  void expert_feed_forward(std::uint32_t used, Activation activation);
  void add();  // the branch to the residual stream
  // Last norm and output matrix (the embedding table where the file has no "output.weight").
  void logits(std::optional<float> soft_cap = std::nullopt);

  // Throws Error(failed) if the source has a tensor that no piece used: what it would do is
  // unknown, so the result would be wrong.
  Program finish();

 private:
  ValueId value(std::string_view name, std::uint64_t width, RowSet rows);
  WeightId weight(const std::string& name, std::uint64_t rows, std::uint64_t cols,
                  std::uint64_t groups = 1);
  WeightId vector(const std::string& name, std::uint64_t cols);
  std::string layer_tensor(std::string_view tensor) const;
  ValueId matmul(std::string_view tensor, std::string_view out, std::uint64_t width,
                 Biases biases = Biases::where_present);
  ValueId gated(std::string_view suffix, std::uint64_t width, Activation activation,
                std::string_view out);
  void select_rows(ValueId attended);
  void step(const Operation& operation);

  ModelSource source_;
  Hyperparameters hp_;
  Program program_;
  std::map<std::tuple<std::string, std::uint64_t, RowSet>, ValueId, std::less<>> value_ids_;
  std::map<std::string, WeightId, std::less<>> weight_ids_;
  std::int32_t layer_ = -1;
  RowSet rows_ = RowSet::batch;
  ValueId residual_ = 0;
  ValueId branch_ = 0;
};

}  // namespace ceiling
