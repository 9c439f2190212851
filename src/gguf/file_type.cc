#include "gguf/file_type.h"

#include <algorithm>
#include <array>

namespace ceiling::gguf {
namespace {

struct FileType {
  std::uint32_t stored;
  std::string_view recipe;
};

constexpr std::array kFileTypes = {
    FileType{0, "F32"},     FileType{1, "F16"},     FileType{2, "Q4_0"},    FileType{3, "Q4_1"},
    FileType{7, "Q8_0"},    FileType{8, "Q5_0"},    FileType{9, "Q5_1"},    FileType{10, "Q2_K"},
    FileType{11, "Q3_K_S"}, FileType{12, "Q3_K_M"}, FileType{13, "Q3_K_L"}, FileType{14, "Q4_K_S"},
    FileType{15, "Q4_K_M"}, FileType{16, "Q5_K_S"}, FileType{17, "Q5_K_M"}, FileType{18, "Q6_K"},
    FileType{21, "Q2_K_S"}, FileType{25, "IQ4_NL"}, FileType{30, "IQ4_XS"}, FileType{32, "BF16"},
};

}  // namespace

std::optional<std::string_view> recipe_of_file_type(std::uint32_t stored) {
  const auto* found = std::ranges::find(kFileTypes, stored, &FileType::stored);
  if (found == kFileTypes.end()) return std::nullopt;
  return found->recipe;
}

std::optional<std::uint32_t> file_type_of_recipe(std::string_view recipe) {
  const auto* found = std::ranges::find(kFileTypes, recipe, &FileType::recipe);
  if (found == kFileTypes.end()) return std::nullopt;
  return found->stored;
}

}  // namespace ceiling::gguf
