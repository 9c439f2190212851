// The shaders that the build compiled, by name: "matvec_float_Q4_K", "add".
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ceiling::vulkan {

// Empty: there is none of that name.
std::span<const std::uint32_t> shader_code(std::string_view name);
std::string_view shaders_hash();  // of all of them: what a cache of pipelines is good for

}  // namespace ceiling::vulkan
