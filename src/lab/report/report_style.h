// The page's style sheet: system fonts, light and dark, phone and paper.
#pragma once

#include <string_view>

namespace ceiling::lab {

std::string_view report_style();

}  // namespace ceiling::lab
