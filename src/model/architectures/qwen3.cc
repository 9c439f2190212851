// Qwen3: Llama's layer with norms of each query and key head. Yang et al. 2025.
#include "model/architectures/architectures.h"

namespace ceiling {

Program build_qwen3(const ModelSource& source) {
  return build_plain_decoder(source, RopeLayout::halves, Biases::where_present, true);
}

}  // namespace ceiling
