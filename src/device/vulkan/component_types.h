// GLSL of 2022 can name SPIR-V's types by number, but not give one a type as its operand: shaders
// have the width of a cooperative matrix's components instead (shaders/cooperative.glsl).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ceiling::vulkan {

// SPIR-V with the float of that width in its place. Other shaders come out as they are.
std::vector<std::uint32_t> with_component_types(std::span<const std::uint32_t> code);

}  // namespace ceiling::vulkan
