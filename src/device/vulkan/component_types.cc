#include "device/vulkan/component_types.h"

#include <map>

namespace ceiling::vulkan {
namespace {

constexpr std::uint32_t kTypeFloat = 22, kConstant = 43, kTypeCooperativeMatrix = 4456;
constexpr std::size_t kHeader = 5, kBound = 3;  // words; the place of the first id not taken

}  // namespace

std::vector<std::uint32_t> with_component_types(std::span<const std::uint32_t> code) {
  std::vector<std::uint32_t> out(code.begin(), code.begin() + kHeader);
  std::map<std::uint32_t, std::uint32_t> float_of;  // by width
  std::map<std::uint32_t, std::uint32_t> constant;  // by id
  for (std::size_t at = kHeader; at < code.size();) {
    const std::uint32_t length = code[at] >> 16U;
    const std::uint32_t operation = code[at] & 0xFFFFU;
    const std::span<const std::uint32_t> words = code.subspan(at, length);
    at += length;
    if (operation == kTypeFloat) float_of[words[2]] = words[1];
    if (operation == kConstant) constant[words[2]] = words[3];
    if (operation != kTypeCooperativeMatrix) {
      out.insert(out.end(), words.begin(), words.end());
      continue;
    }
    const std::uint32_t width = constant.at(words[2]);
    if (!float_of.contains(width)) {
      float_of[width] = out[kBound]++;
      out.insert(out.end(), {3U << 16U | kTypeFloat, float_of[width], width});
    }
    out.insert(out.end(), words.begin(), words.end());
    out[out.size() - length + 2] = float_of[width];
  }
  return out;
}

}  // namespace ceiling::vulkan
