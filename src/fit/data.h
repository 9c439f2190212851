// Files of data/ that the planner and the lab read, embedded when the build is configured.
#pragma once

#include <string_view>

namespace ceiling::fit {

std::string_view hardware_csv();       // data/hardware.csv
std::string_view published_csv();      // data/published.csv
std::string_view engine_builds_csv();  // data/engine_builds.csv
std::string_view speed_model_json();   // data/speed_model.json

}  // namespace ceiling::fit
