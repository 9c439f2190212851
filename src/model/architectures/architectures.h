// One function an architecture: the order of its pieces.
#pragma once

#include "model/decoder_builder.h"
#include "model/program.h"

namespace ceiling {

Program build_llama(const ModelSource& source);
Program build_qwen2(const ModelSource& source);
Program build_qwen3(const ModelSource& source);
Program build_gemma3(const ModelSource& source);
// Of shapes only (model/shape_source.h): no file is read with it.
Program build_expert_decoder(const ModelSource& source);

// Whichever the metadata names. Throws as build_program (model/architecture.h).
Program build_architecture(const ModelSource& source);

// The pieces of Llama's layer, which Qwen's share: norm, attention, add, norm, gated feed-forward
// (SiLU), add.
Program build_plain_decoder(const ModelSource& source, RopeLayout layout, Biases biases,
                            bool head_norms);

}  // namespace ceiling
