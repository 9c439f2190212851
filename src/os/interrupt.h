// Ctrl-C as something to ask about, instead of the end of the program.
#pragma once

namespace ceiling::os {

// From here on SIGINT sets interrupted(), and so does SIGTERM unless that shall end the program at
// once as it does by default. A second one before clear_interrupt() ends the program. Throws
// Error(failed) when the system has no pipe to give.
void install_interrupt_handler(bool sigterm_too = true);
bool interrupted();
void clear_interrupt();

// Blocks until `descriptor` has something to read (its end included); returns false as soon as
// interrupted(), also if that happened before the call: a read that begins just after the signal
// would sleep through it.
bool wait_for_input(int descriptor);

}  // namespace ceiling::os
