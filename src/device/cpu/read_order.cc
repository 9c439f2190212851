#include "device/cpu/read_order.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/processor.h"

namespace ceiling::cpu {
namespace {

ReadOrder order_of(const Processor& processor) {
  if (is_zen5(processor)) return ReadOrder::two_streams;
  if (processor.vendor != Vendor::amd) return ReadOrder::many_streams;
  if (processor.family == 0x19) return ReadOrder::four_streams;  // Zen 4; Zen 3 untried
  return ReadOrder::many_streams;
}

}  // namespace

ReadOrder usual_read_order() {
  const char* wanted = std::getenv("CEILING_READ_ORDER");
  if (wanted == nullptr || *wanted == '\0') return order_of(this_processor());
  const std::string_view name = wanted;
  if (name == "many-streams") return ReadOrder::many_streams;
  if (name == "two-streams") return ReadOrder::two_streams;
  if (name == "four-streams") return ReadOrder::four_streams;
  fail(ExitCode::usage,
       "CEILING_READ_ORDER is '{}': set it to many-streams, two-streams or four-streams, or unset "
       "it",
       name);
}

}  // namespace ceiling::cpu
