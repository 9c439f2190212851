#include "cli/answer_text.h"

#include <cstdio>
#include <string>

#include "base/terminal.h"

namespace ceiling::cli {
namespace {

// C0 controls, delete, and C1 controls (U+0080 to U+009F: C2 80 to C2 9F in UTF-8).
std::string without_controls(std::string_view text) {
  std::string kept;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c0 = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
    const bool c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    if (!c0 && !c1) kept += text[i];
  }
  return kept;
}

}  // namespace

void print_answer_text(std::string_view text) {
  const std::string shown = stdout_is_terminal() ? without_controls(text) : std::string(text);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
  std::fflush(stdout);
}

}  // namespace ceiling::cli
