// Many machines at once: speed over model size, and which machines reach a wanted speed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fit/planner.h"
#include "model/shapes.h"

namespace ceiling::fit {

struct CurvePoint {
  std::string shape;
  double billions = 0;  // parameters
  std::string type;
  Answer answer;
};

struct Curve {
  Question machine;                // hardware, engine, memory
  std::vector<CurvePoint> points;  // by type, then ascending size
  // Parameters, in billions, from which weights of a type no longer fit the device.
  struct Spill {
    std::string type;
    double billions = 0;
  };
  std::vector<Spill> spills;
};

// The sizes of the shapes from 0.5B to 70B, for each type. The question gives machine, context and
// prompt.
Curve speed_curve(const Question& machine, const std::vector<std::string>& types,
                  const SpeedModel& model);

struct Candidate {
  Question machine;
  Answer answer;
  bool surely = false;  // even the low end of the 80 % interval reaches what is wanted
};

// Machines of the catalogue that hold the model and whose median reaches `tokens_per_s`, with the
// smallest memory that does; slowest first, for those are the least that is needed.
std::vector<Candidate> machines_reaching(double tokens_per_s, const Question& wanted,
                                         const Program& program, const SpeedModel& model);

// What to choose of the types for a model on this machine.
struct Recommendation {
  std::string use;   // "daily use"
  std::string type;  // empty: none fits
  Answer answer;
  std::string quality;  // what it costs, in words with figures
  std::string why;
};
std::vector<Recommendation> recommend(const Question& question, const Shape& shape,
                                      const SpeedModel& model);

}  // namespace ceiling::fit
