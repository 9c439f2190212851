// What others have published: the catalogue's machines by their speed at one piece of work.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::lab {

// A machine of data/hardware.csv with its fastest published speed.
struct PublishedMachine {
  std::string name;
  double tokens_per_s = 0;
  std::map<std::string, double> figures;  // by the catalogue's column; unknown ones are absent
};

// The machines with a row in data/published.csv for this model, type and test ("LLaMA 7B v2",
// "Q4_0", "tg128"; names as the table writes them), with those of `columns` that the catalogue
// knows of them, in the catalogue's order. A machine's fastest row counts: what its engines and
// builds reach is a property of theirs. Rows without a speed, or of machines that are not in the
// catalogue, are left out.
std::vector<PublishedMachine> published_machines(std::string_view model, std::string_view type,
                                                 std::string_view test,
                                                 const std::vector<std::string>& columns);

}  // namespace ceiling::lab
