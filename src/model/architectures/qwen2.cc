// Qwen2 and Qwen2.5: Llama's layer with biases on query, key and value. Yang et al. 2024.
#include "model/architectures/architectures.h"

namespace ceiling {

Program build_qwen2(const ModelSource& source) {
  return build_plain_decoder(source, RopeLayout::halves, Biases::required, false);
}

}  // namespace ceiling
