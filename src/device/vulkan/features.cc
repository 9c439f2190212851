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

// visit(name) for each that CEILING_VULKAN names; false: it is unset.
template <typename Visit>
bool for_each_wanted(Visit visit) {
  const char* wanted = std::getenv("CEILING_VULKAN");
  if (wanted == nullptr || *wanted == '\0') return false;
  std::string_view rest = wanted;
  if (rest == "none") return true;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    visit(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return true;
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
  bool named = false;
  for_each_wanted([&](std::string_view name) { named |= name == "host_import"; });
  return named;
}

Features active_features(const Features& offered, const Features& preferred) {
  Features out;
  const bool chosen =
      for_each_wanted([&](std::string_view name) { out.*named(name, offered).has = true; });
  return chosen ? out : preferred;
}

}  // namespace ceiling::vulkan
