#include "lab/hypotheses.h"

namespace ceiling::lab {

std::vector<Hypothesis> untested_hypotheses() {
  const std::string why =
      "This version of the lab measures speeds and shares of the ceiling; it does not intervene, "
      "and "
      "no ratio alone can decide a cause";
  return {
      {"H1", "Decode is bounded by memory bandwidth, not by arithmetic",
       "Supported if the 90 % interval of the elasticity to bandwidth lies inside 0.80 to 1.10 and "
       "that "
       "to arithmetic stays below 0.15; refuted if the first stays below 0.50, or the second lies "
       "above "
       "it.",
       why},
      {"H2", "Quantised models run proportionally faster than their parameter count alone predicts",
       "Supported if the slope of log time on log bytes lies inside 0.85 to 1.15, whichever type "
       "is left "
       "out; refuted if it stays below 0.85.",
       why},
      {"H3", "Speed degrades gracefully as a model approaches the available memory",
       "Supported if speed stays within 5 % up to 0.95 of the memory and each step of 0.05 keeps "
       "0.80 of "
       "it; refuted if some step loses half.",
       why},
  };
}

}  // namespace ceiling::lab
