// Any bytes at all as figures that others published (llama-bench's JSON, tables): the file is
// refused with ceiling::Error, or each figure can be judged and told of.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "lab/exchange/outside_figure.h"

namespace {

using namespace ceiling::lab;

void require(bool holds) {
  if (!holds) std::abort();
}

void read(std::string_view text) {
  try {
    const OutsideFigures outside = read_outside_figures(text, "fuzz");
    for (const OutsideFigure& figure : outside.figures) {
      require(std::isfinite(figure.tokens_per_s) && figure.tokens_per_s > 0);
      require(missing(figure).empty() == (comparability(figure) == Comparability::comparable));
    }
    std::size_t counted = 0;
    for (const auto& kind : count(outside.figures).figures) counted += kind.second;
    require(counted == outside.figures.size());
    to_json(outside).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  } catch (const ceiling::Error&) {  // refused: as good
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A row of a table costs a model's whole Program, to count its bytes: few rows are enough.
  constexpr auto kMostRows = 3;
  const bool table = text.find_first_of("[{") != text.find_first_not_of(" \t\r\n");
  if (table && std::count(text.begin(), text.end(), '\n') > kMostRows) return 0;
  read(text);
  return 0;
}
