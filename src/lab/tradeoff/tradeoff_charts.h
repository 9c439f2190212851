// The two pictures of a tradeoff: distance from the source against size, and against speed.
#pragma once

#include "lab/charts/chart.h"
#include "lab/tradeoff/tradeoff.h"

namespace ceiling::lab {

Chart size_chart(const Tradeoff& tradeoff);
Chart decode_chart(const Tradeoff& tradeoff);

// The rows that the charts, the pages and the terminal share.
Table tradeoff_table(const Tradeoff& tradeoff);

}  // namespace ceiling::lab
