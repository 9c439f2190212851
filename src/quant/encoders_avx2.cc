#include "quant/encoders.h"

#if defined(__AVX2__)
#include "quant/encoders.inc"

namespace ceiling::quantising {

EncodeRow avx2_encoder() { return encode_row; }

}  // namespace ceiling::quantising
#else
namespace ceiling::quantising {

EncodeRow avx2_encoder() { return nullptr; }

}  // namespace ceiling::quantising
#endif
