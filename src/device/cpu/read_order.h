// In which order a product of few rows of activations reads its weights: what memory is fastest at
// differs between processors, the results do not.
#pragma once

#include <cstdint>

namespace ceiling::cpu {

enum class ReadOrder : std::uint8_t {
  // Several rows side by side, far apart, each fetched 1 KiB ahead by the program. Best on Emerald
  // Rapids; taken where nothing was measured.
  many_streams,
  // Two rows side by side, quantised weights fetched 8 KiB ahead by the program, floats by the
  // processor's own prefetchers alone. Best on Zen 5, where a plain read of eight streams fetched
  // ahead takes 30 GB/s a core and one of two 42.
  two_streams,
  // Four rows side by side, fetched by the processor alone. Best on Zen 4, whose prefetchers serve
  // four streams of any type and lose eight, or those that the program fetches for as well.
  four_streams,
};

// The order that is best on this processor, by its vendor and family (measured:
// docs/results/decode.md), or what CEILING_READ_ORDER (many-streams, two-streams,
// four-streams) says. Throws Error(usage) if that names none.
ReadOrder usual_read_order();

}  // namespace ceiling::cpu
