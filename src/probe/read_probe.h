// How fast memory can be read, in slices short enough to stand between other work: the ceiling that
// decode is measured against, over the very mapping that decode reads.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/units.h"

namespace ceiling::probe {

struct ReadSlice {
  Bytes bytes;
  Seconds time;
  BytesPerSecond rate() const { return bytes / time; }
};

// Reads a region in turns, slice after slice, with its own pinned threads. Between slices they
// sleep and cost nothing; call read() while the threads of other work sleep too, or the two measure
// each other. Not for use by several threads at once.
class ReadProbe {
 public:
  // `region` (at least kReadStep bytes) must outlive the probe. Its pages should be in memory: a
  // first touch is a page fault, which is not what is measured. Tries the read kernels on it for
  // some tens of milliseconds and keeps the fastest. Throws Error(failed) for a region that is too
  // small.
  ReadProbe(std::span<const std::byte> region, unsigned threads);
  ~ReadProbe();
  ReadProbe(const ReadProbe&) = delete;
  ReadProbe& operator=(const ReadProbe&) = delete;

  // Reads the next `amount` of the region (rounded up to whole chunks of 256 KiB), starting again
  // at its beginning after its end. All threads take chunks until none is left. 64-256 MiB make
  // some 5 ms.
  ReadSlice read(Bytes amount);

  unsigned threads() const;
  std::string kernel() const;  // the read kernel in use: "avx2, 4 streams"

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether reading a region of this size in turns measures memory and not the caches: at least four
// times the last-level caches of the usable processors. True where their size is unknown.
bool larger_than_caches(Bytes region);

}  // namespace ceiling::probe
