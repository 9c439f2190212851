// Which of a repository's files is meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ceiling::store {

// The GGUF files in the hub's answer about a repository ("siblings", each with "rfilename"), of
// those in parts only the first. Throws Error(integrity) for an answer of another form.
std::vector<std::string> gguf_files(std::string_view json, const std::string& repository);

// The file of that name, or the only one whose name holds `wanted` as a word ("Q4_K_M", in upper or
// lower case); empty: the only one there is. Throws Error(usage) with those there are.
std::string choose_file(const std::vector<std::string>& files, const std::string& wanted,
                        const std::string& repository);

// "model-00001-of-00003.gguf" is one of three parts.
struct Part {
  std::string stem;  // "model"
  unsigned number = 0, count = 0;
};
// count is 0 for a file that is whole.
Part part_of(std::string_view file);
std::string part_name(const Part& part, unsigned number);

}  // namespace ceiling::store
