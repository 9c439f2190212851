// AMX: eight registers of up to 16 rows of 64 bytes each. dst (rows of 32-bit sums) += a * b, where
// a row of `a` holds a row's columns one after the other, and a row of `b` a step (32 bits of
// columns) of up to 16 rows side by side.
//
// Written as assembly, since GCC 12's intrinsics do not tell the compiler that loading a tile reads
// memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ceiling::cpu {
namespace {

struct TileShape {
  std::uint8_t rows;
  std::uint16_t bytes;  // of a row
};

// The registers' shapes, for this thread, for as long as the object lives.
class Tiles {
 public:
  explicit Tiles(const TileShape (&shapes)[8]) {
    Configuration configuration{};
    configuration.palette = 1;
    for (std::size_t i = 0; i < 8; ++i) {
      configuration.bytes[i] = shapes[i].bytes;
      configuration.rows[i] = shapes[i].rows;
    }
    asm volatile("ldtilecfg %0" : : "m"(configuration));
  }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  struct alignas(64) Configuration {
    std::uint8_t palette, start_row, reserved[14];
    std::uint16_t bytes[16];
    std::uint8_t rows[16];
  };
};

template <int tile>
inline void clear_tile() {
  asm volatile("tilezero %%tmm%c0" : : "i"(tile));
}
// Rows at `pitch` bytes from each other.
template <int tile>
inline void load_tile(const void* from, std::size_t pitch) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(pitch), "i"(tile) : "memory");
}
template <int tile>
inline void store_tile(void* to, std::size_t pitch) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(pitch), "i"(tile) : "memory");
}

// Two products of bf16 a step, sums in float32.
template <int sum, int a, int b>
inline void multiply_bf16() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sum), "i"(a), "i"(b));
}

}  // namespace
}  // namespace ceiling::cpu
