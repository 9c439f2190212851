// `ceiling lab import`: figures that others measured, and whether they may be compared.
#pragma once

namespace CLI {
class App;
}

namespace ceiling::cli {

void add_import_step(CLI::App& lab);

}  // namespace ceiling::cli
