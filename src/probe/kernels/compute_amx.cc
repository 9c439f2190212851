// Compiled with AMX: it includes nothing whose inline functions other units could share.
#include <immintrin.h>

#include <cstring>

#include "probe/compute_kernel.h"

namespace ceiling::probe {
namespace {

// All eight tiles whole: 16 rows of 64 bytes. Six hold sums, two hold ones.
struct alignas(64) WholeTiles {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

struct alignas(64) TileBytes {
  std::uint8_t bytes[1024];
};

void start(const TileBytes& ones) {
  const WholeTiles whole;
  // GCC 12 does not say that these read memory.
  asm volatile("" : : "r"(&whole), "r"(&ones) : "memory");
  _tile_loadconfig(&whole);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_loadd(6, &ones, 64);
  _tile_loadd(7, &ones, 64);
}

// The sums of all lanes of the six tiles.
std::uint64_t finish() {
  TileBytes tiles[6];
  _tile_stored(0, &tiles[0], 64);
  _tile_stored(1, &tiles[1], 64);
  _tile_stored(2, &tiles[2], 64);
  _tile_stored(3, &tiles[3], 64);
  _tile_stored(4, &tiles[4], 64);
  _tile_stored(5, &tiles[5], 64);
  _tile_release();
  std::uint64_t total = 0;
  for (const TileBytes& tile : tiles) {
    float lanes[sizeof tile / sizeof(float)];
    std::memcpy(lanes, &tile, sizeof tile);
    for (const float lane : lanes) total += static_cast<std::uint64_t>(lane);
  }
  return total;
}

}  // namespace

std::uint64_t bf16_amx(std::uint64_t iterations) {
  TileBytes ones;
  for (std::size_t i = 0; i < sizeof ones; i += 2) {
    const std::uint16_t one = 0x3f80;
    std::memcpy(ones.bytes + i, &one, sizeof one);
  }
  start(ones);
  for (; iterations >= 6; iterations -= 6) {
    _tile_dpbf16ps(0, 6, 7);
    _tile_dpbf16ps(1, 6, 7);
    _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7);
    _tile_dpbf16ps(4, 6, 7);
    _tile_dpbf16ps(5, 6, 7);
  }
  for (; iterations > 0; --iterations) _tile_dpbf16ps(0, 6, 7);
  return finish();
}

}  // namespace ceiling::probe
