// A shape as data/shapes.json and data/models.json write it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/shapes.h"

namespace ceiling {

Shape read_shape(const nlohmann::json& entry);

}  // namespace ceiling
