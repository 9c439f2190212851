// What a result says of the software that made it, from the words that people write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fit/hardware.h"

namespace ceiling::fit {

// small_host: a desktop GPU behind one lane of a small board.
enum class Backend : std::uint8_t { cuda, metal, vulkan, rocm, sycl, opencl, cpu, small_host };
std::string_view name(Backend backend);
std::optional<Backend> backend_from_name(std::string_view text);

struct Engine {
  Backend backend = Backend::cuda;
  unsigned threads = 0;          // of a CPU; 0: not stated
  bool flash_attention = false;  // stated, or the default of its time
  double year = 0;               // when it was built, as a decimal year
};

// Whether such a machine has a driver for it: CUDA is NVIDIA's, Metal Apple's, ROCm AMD's, SYCL
// Intel's; a processor alone has only `cpu`.
bool runs_on(Backend backend, const Hardware& hardware);

// What most people run today on a machine.
Engine usual_engine(const Hardware& hardware);

// From the cells "backend" ("CUDA FA", "CPU NEON 8 threads") and "engine_version" ("b4008",
// "0253fb21f (9187)", "2024-05").
Engine read_engine(std::string_view backend, std::string_view version, const Hardware& hardware);

// A type as kernels see it: plain float, 8 bits, 4 and 5 bits in blocks of 32, super-blocks,
// look-up tables.
enum class TypeClass : std::uint8_t { floats, eight, small_blocks, super_blocks, tables };
std::string_view name(TypeClass type);

struct FileType {
  std::string recipe;  // of model/shapes, the nearest there is
  bool exact = false;  // the recipe is that type; else its bytes are scaled to the file's
  TypeClass type = TypeClass::super_blocks;
};

// "Q4_K_M", "UD-Q4_K_XL", "fp16", "4bit". Empty: nothing is known of it.
std::optional<FileType> read_file_type(std::string_view text);

}  // namespace ceiling::fit
