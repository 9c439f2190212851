// Where the results of a tile go: those of activation row i for weight row r to y[i * pitch + r].
#pragma once

#include <cstddef>

namespace ceiling::cpu {

struct TileOut {
  float* y;
  std::size_t pitch;
  std::size_t activations, rows;  // of the tile, those that are to be stored
  bool add;                       // to the results of earlier columns
};

}  // namespace ceiling::cpu
