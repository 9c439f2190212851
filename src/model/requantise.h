// Turns one GGUF file into another with other tensor types: each tensor as the recipe says,
// streamed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "quant/tensor_type.h"

namespace ceiling {

// Mean squares of each matrix's input columns over a calibration text, by tensor name: [cols].
using Importance = std::map<std::string, std::vector<float>, std::less<>>;

struct RequantiseOptions {
  std::string recipe = "Q4_K_M";  // model/shapes recipes()
  unsigned threads = 1;
  Importance importance;  // empty: all columns count alike
};

struct RequantisedTensor {
  std::string name;
  TensorType from = TensorType::F32;
  TensorType to = TensorType::F32;
  bool fell_back = false;  // no block of the recipe's type fits the columns
};

struct RequantiseReport {
  std::vector<RequantisedTensor> tensors;
  std::uint64_t bytes = 0;   // of the new file
  double squared_error = 0;  // mean over quantised weights, weighted by importance where given
  double weight_rms = 0;     // of the same weights
};

// What requantise() would refuse at once: Error(usage) for an unknown recipe and for an output that
// is the input file.
void check_requantise(const gguf::File& input, const std::string& output,
                      const RequantiseOptions& options);

// Memory stays under a few MiB a thread. Same input and options give the same bytes, whatever the
// threads. Throws Error(usage): unknown recipe, output equal to input; Error(integrity): NaN or
// infinite weight (tensor and index named); Error(failed): disk full. Nothing is left under
// `output` on failure.
RequantiseReport requantise(
    const std::shared_ptr<const gguf::File>& input, const std::string& output,
    const RequantiseOptions& options,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress = {});

}  // namespace ceiling
