# Writes the table of shaders: cmake -DNAMES=... -DFOLDER=... -P shader_table.cmake
set(includes "")
set(entries "")
set(hashes "")
foreach(name ${NAMES})
  file(SHA256 ${FOLDER}/${name}.h hash)
  string(APPEND hashes ${hash})
  string(APPEND includes "#include \"${FOLDER}/${name}.h\"\n")
  string(APPEND entries "    {\"${name}\", ${name}},\n")
endforeach()
string(SHA256 all "${hashes}")
string(SUBSTRING ${all} 0 16 all)
file(WRITE ${FOLDER}/table.cc "// Made by shader_table.cmake.
#include \"device/vulkan/shaders.h\"

#include <map>

namespace ceiling::vulkan {
namespace {
${includes}
const std::map<std::string_view, std::span<const std::uint32_t>> kShaders = {
${entries}};
}  // namespace

std::span<const std::uint32_t> shader_code(std::string_view name) {
  const auto found = kShaders.find(name);
  return found == kShaders.end() ? std::span<const std::uint32_t>{} : found->second;
}
std::string_view shaders_hash() { return \"${all}\"; }

}  // namespace ceiling::vulkan
")
