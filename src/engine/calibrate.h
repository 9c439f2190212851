// How much each column of each matrix matters on a text: the mean square of what the column is
// multiplied by. With these as weights, the squared error of a quantised row is, to first order,
// the expected squared error of the row's product.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "engine/model.h"
#include "model/requantise.h"

namespace ceiling {

struct CalibrateOptions {
  std::uint32_t window = 512;     // tokens, each window from an empty cache
  std::uint32_t max_windows = 8;  // 0: the whole text
  unsigned threads = 0;           // 0: one a core
  // What the activations of the windows that run together may take, at least one window: the
  // others follow, for which the weights are read again.
  std::uint64_t activation_bytes = std::uint64_t{256} << 20;
};

// The model runs over the text on the CPU, from one matrix product to the next: what crosses the
// cut before a product is its input. Of the model's weights one such segment at a time is in
// memory; beside them, the activations of the windows that run together. Experts of one matrix
// share their importances. A text shorter than a window makes one short window.
// Throws Error(usage): a text of less than 16 tokens, a window of less than 16 tokens or beyond
// the model's context. progress(done, in all) counts the segments of each such run.
Importance calibrate(const std::shared_ptr<const Model>& model, std::span<const Token> text,
                     const CalibrateOptions& options,
                     const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace ceiling
