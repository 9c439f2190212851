// Any bytes at all given to the GGUF reader: it refuses them with ceiling::Error, or everything
// that it then says about them can be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "base/error.h"
#include "gguf/file.h"

namespace {

using ceiling::gguf::File;

void require(bool holds) {
  if (!holds) std::abort();
}

// Each typed question about each key: an answer or an Error.
template <typename Ask>
void ask(Ask question) {
  try {
    question();
  } catch (const ceiling::Error&) {  // refused: as good
    return;
  }
}

void read_keys(const ceiling::gguf::Metadata& keys) {
  for (const auto& entry : keys.all()) {
    const std::string& key = entry.first;
    ask([&] { keys.u32(key); });
    ask([&] { keys.number(key); });
    ask([&] { keys.boolean(key); });
    ask([&] { keys.string(key); });
    ask([&] { keys.floats(key); });
    ask([&] { keys.u32s(key); });
    ask([&] {
      std::size_t total = 0;
      const auto texts = keys.strings(key);
      for (const auto text : *texts) {
        for (const char c : text) total += static_cast<unsigned char>(c);
      }
      require(total != ~std::size_t{0});
    });
  }
}

void read_tensors(const File& file) {
  for (const auto& tensor : file.tensors()) {
    require(file.find(tensor.name) == &tensor);
    const auto data = file.data(tensor);
    require(data.size() == tensor.bytes);
    require(data.data() >= file.bytes().data());
    require(data.data() + data.size() <= file.bytes().data() + file.bytes().size());
    require(tensor.elements() != 0 && tensor.dimensions >= 1 && tensor.dimensions <= 4);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = File::parse(std::as_bytes(std::span(data, size)), "fuzz.gguf");
    read_keys(file->metadata());
    read_tensors(*file);
  } catch (const ceiling::Error&) {
    return 0;  // refused: as good
  }
  return 0;
}
