#include "os/gpu.h"

#include <algorithm>
#include <cctype>

namespace ceiling::os {
namespace {

// Lower case, without the zeros that the domain begins with.
std::string plain(const std::string& address) {
  std::string out = address.substr(std::min(address.find_first_not_of('0'), address.size()));
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

bool same_bus_address(const std::string& a, const std::string& b) {
  return !a.empty() && plain(a) == plain(b);
}

}  // namespace ceiling::os
