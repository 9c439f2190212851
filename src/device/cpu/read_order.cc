#include "device/cpu/read_order.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/processor.h"

namespace ceiling::cpu {
namespace {

bool is_amd_zen5_or_later() {
  const Processor processor = this_processor();
  return processor.vendor == Vendor::amd && processor.family >= 0x1a;
}

}  // namespace

ReadOrder usual_read_order() {
  const char* wanted = std::getenv("CEILING_READ_ORDER");
  if (wanted == nullptr || *wanted == '\0') {
    return is_amd_zen5_or_later() ? ReadOrder::two_streams : ReadOrder::many_streams;
  }
  const std::string_view name = wanted;
  if (name == "many-streams") return ReadOrder::many_streams;
  if (name == "two-streams") return ReadOrder::two_streams;
  fail(ExitCode::usage,
       "CEILING_READ_ORDER is '{}': set it to many-streams or two-streams, or unset it", name);
}

}  // namespace ceiling::cpu
