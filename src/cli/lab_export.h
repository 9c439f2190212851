// `ceiling lab export`: a finished run in the formats of other programs.
#pragma once

namespace CLI {
class App;
}

namespace ceiling::cli {

void add_export_step(CLI::App& lab);

}  // namespace ceiling::cli
