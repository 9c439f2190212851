// Llama 1 to 3, Mistral, SmolLM and others of that shape. Touvron et al. 2023.
#include "base/error.h"
#include "model/architectures/architectures.h"

namespace ceiling {

Program build_plain_decoder(const ModelSource& source, RopeLayout layout, Biases biases,
                            bool head_norms) {
  DecoderBuilder builder(source);
  AttentionStyle style = builder.attention_style();
  style.layout = layout;
  style.biases = biases;
  style.head_norms = head_norms;
  builder.embed(1.0F);
  for (std::uint32_t layer = 0; layer < builder.hyperparameters().layers; ++layer) {
    builder.begin_layer(layer);
    builder.norm("attn_norm");
    builder.attention(style);
    builder.add();
    builder.norm("ffn_norm");
    builder.feed_forward(Activation::silu);
    builder.add();
  }
  builder.logits();
  return builder.finish();
}

// The converter permutes Q and K, so that neighbouring elements turn together.
Program build_llama(const ModelSource& source) {
  const auto experts = source.metadata.u32("llama.expert_count");
  if (experts && *experts > 0) {
    fail(ExitCode::failed,
         "'{}': key 'llama.expert_count' is {}: mixtures of experts are not supported yet; use a "
         "dense model",
         source.metadata.label(), *experts);
  }
  return build_plain_decoder(source, RopeLayout::adjacent, Biases::where_present, false);
}

}  // namespace ceiling
