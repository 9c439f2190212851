#include "device/vulkan/features.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace ceiling::vulkan {
namespace {

struct Named {
  std::string_view name;
  bool Features::* has;
};
constexpr std::array<Named, 6> kNamed{{{"host_import", &Features::host_import},
                                       {"file_pages", &Features::file_pages},
                                       {"subgroups", &Features::subgroups},
                                       {"int8_dot", &Features::int8_dot},
                                       {"cooperative", &Features::cooperative},
                                       {"timestamps", &Features::timestamps}}};

const Named& named(std::string_view name, const Features& offered) {
  for (const Named& feature : kNamed) {
    if (feature.name == name && offered.*feature.has) return feature;
  }
  fail(ExitCode::usage,
       "CEILING_VULKAN names '{}', which this device does not offer; name some of {} (or none), or "
       "unset it",
       name, describe(offered));
}

}  // namespace

std::string describe(const Features& features) {
  std::string out;
  for (const Named& feature : kNamed) {
    if (!(features.*feature.has)) continue;
    if (!out.empty()) out += ", ";
    out += feature.name;
  }
  return out.empty() ? "none" : out;
}

bool names_host_import() {
  const char* wanted = std::getenv("CEILING_VULKAN");
  return wanted != nullptr &&
         std::string_view(wanted).find("host_import") != std::string_view::npos;
}

Features active_features(const Features& offered, const Features& preferred) {
  const char* wanted = std::getenv("CEILING_VULKAN");
  if (wanted == nullptr || *wanted == '\0') return preferred;
  std::string_view rest = wanted;
  Features out;
  if (rest == "none") return out;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    out.*named(rest.substr(0, comma), offered).has = true;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return out;
}

}  // namespace ceiling::vulkan
