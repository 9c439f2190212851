// What a ledger says of a cell's model file.
#pragma once

#include <cstdint>
#include <string>

namespace ceiling::lab {

struct ModelFile {
  std::string cell;
  std::string name;  // of the file, without its folder
  std::uint64_t bytes = 0;
  std::string sha256;
};

}  // namespace ceiling::lab
