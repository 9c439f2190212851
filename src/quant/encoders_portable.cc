#include "quant/encoders.inc"

namespace ceiling::quantising {

EncodeRow portable_encoder() { return encode_row; }

}  // namespace ceiling::quantising
