#include "quant/encoders.h"

namespace ceiling::quantising {

EncodeRow encoder(Isa isa) {
  isa = vectors_of(isa);
  EncodeRow encode = nullptr;
  if (isa == Isa::avx2) encode = avx2_encoder();
  if (isa == Isa::avx512) encode = avx512_encoder();
  return encode != nullptr ? encode : portable_encoder();
}

}  // namespace ceiling::quantising
