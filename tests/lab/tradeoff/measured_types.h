// Tradeoffs of known truth, for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "lab/tradeoff/dominance.h"

namespace ceiling::lab {

// What a type is, before it is measured.
struct TrueType {
  std::string name;
  std::uint64_t bytes;
  double decode, kl;
  double kl_error = 0.0005;
};

// Blocks of speeds: a factor of the block that all types share, and one of each measurement.
struct Noise {
  double block = 0.05, measurement = 0.02;  // standard deviations of logarithms
};

inline std::vector<TradeoffPoint> measured(const std::vector<TrueType>& types, std::size_t blocks,
                                           Noise noise, std::mt19937& random) {
  std::normal_distribution<double> normal;
  std::vector<TradeoffPoint> points;
  for (const TrueType& type : types) {
    TradeoffPoint point;
    point.name = type.name;
    point.source = type.name.ends_with("(source)");
    point.bytes = type.bytes;
    point.quality.mean_kl = type.kl;
    point.quality.mean_kl_error = type.kl_error;
    point.quality.top_agreement = 0.95;
    points.push_back(point);
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    const double shared = noise.block * normal(random);
    for (std::size_t i = 0; i < types.size(); ++i) {
      const double rate = types[i].decode * std::exp(shared + noise.measurement * normal(random));
      points[i].decode.push_back(rate);
      points[i].prefill.push_back(10 * rate);
    }
  }
  return points;
}

inline const TradeoffPoint& named(const std::vector<TradeoffPoint>& points, std::string_view name) {
  return *std::find_if(points.begin(), points.end(),
                       [&](const auto& point) { return point.name == name; });
}

}  // namespace ceiling::lab
