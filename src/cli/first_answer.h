// What `ceiling` says when nothing is asked: this machine, its ceiling, which models it can hold,
// one sentence from the default model, and what to try next. Takes some seconds.
#pragma once

namespace ceiling::cli {

void print_first_answer();

}  // namespace ceiling::cli
