#include "quant/encoders.h"

#if defined(__AVX512F__)
#include "quant/encoders.inc"

namespace ceiling::quantising {

EncodeRow avx512_encoder() { return encode_row; }

}  // namespace ceiling::quantising
#else
namespace ceiling::quantising {

EncodeRow avx512_encoder() { return nullptr; }

}  // namespace ceiling::quantising
#endif
