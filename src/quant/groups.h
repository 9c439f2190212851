// Blocks of weights side by side, a group of theirs in each lane: the form that level_fit.h takes.
// A block's largest weight becomes 1 and its mean importance 1. Internal linkage, as lanes.h.
#pragma once

#include <cmath>

#include "quant/lanes.h"

namespace ceiling::quantising {
namespace {

// Blocks of `groups` groups of n weights each.
template <int n, int groups>
struct Groups {
  static constexpr int kSize = n;
  static constexpr int kGroups = groups;
  static constexpr int kBlock = n * groups;
  static constexpr int kBlocks = kLanes / groups;

  Lanes x[n];
  Lanes w[n];
  Lanes unit;  // x * unit is the weight itself

  // in: `present` (1 .. kBlocks) blocks; the lanes of absent ones repeat the last. importance: of
  // each weight, or nullptr.
  Groups(const float* in, const float* importance, int present) {
    Lanes largest{};
    Lanes total{};
    for (int lane = 0; lane < kLanes; ++lane) {
      const int block = lane / groups < present ? lane / groups : present - 1;
      const int first = block * kBlock + lane % groups * n;
      for (int i = 0; i < n; ++i) {
        x[i].set(lane, in[first + i]);
        w[i].set(lane, importance == nullptr ? 0.0f : importance[first + i]);
      }
    }
    for (int i = 0; i < n; ++i) {
      largest = larger(largest, magnitude(x[i]));
      total += w[i] / static_cast<float>(kBlock);
    }
    largest = across<groups>(largest, larger);
    total = sum_across<groups>(total);
    const Mask vanishing = largest < kLeast;
    const Mask weighted = (total >= kLeast) & (total <= kMost);
    unit = select(vanishing, splat(1), largest);
    for (int i = 0; i < n; ++i) {
      x[i] = select(vanishing, splat(0), x[i] / unit);
      w[i] = select(weighted, w[i] / total + kFloor, splat(1));
    }
  }

 private:
  // Far below the least half: such weights become zero in every type.
  static constexpr float kLeast = 1e-20f;
  static constexpr float kMost = 3e38f;
  // Columns without importance still count a little: a calibration text does not see everything.
  static constexpr float kFloor = 1e-5f;
};

}  // namespace
}  // namespace ceiling::quantising
