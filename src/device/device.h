// A compute unit and its memory. A device compiles an ordered range of a Program's steps (a
// segment) into its own best fusion and runs it for any Batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "model/batch.h"
#include "model/cost.h"
#include "model/placement.h"
#include "model/program.h"
#include "model/weights.h"

namespace ceiling {

// KV memory of one device, in pages of `page_positions` positions (all KvStates of the segment).
// The engine owns the pages' numbering, reference counts and the table of each sequence.
class KvStore {
 public:
  virtual ~KvStore() = default;
  virtual std::uint32_t page_positions() const = 0;
  virtual std::uint32_t page_count() const = 0;  // capacity; physical memory follows use
  virtual std::uint64_t page_bytes() const = 0;
  virtual void copy_page(std::uint32_t from, std::uint32_t to) = 0;  // fork of a partly filled page
  // Canonical layout of a page, the same on every device: for each KvState, keys then values,
  // [position, kv_head, width] in float16.
  virtual std::uint64_t canonical_page_bytes() const = 0;
  virtual void export_page(std::uint32_t page, std::span<std::byte> canonical) const = 0;
  virtual void import_page(std::uint32_t page, std::span<const std::byte> canonical) = 0;
};

// Pages of each sequence in the batch: tables[sequence][position / page_positions].
using PageTables = std::vector<std::vector<std::uint32_t>>;

// Time, bytes and operations of one kind of operation (or of waiting) since the last reset.
struct ProfileEntry {
  std::string label;               // "matmul Q4_K ffn_down", "attention", "wait at barriers"
  std::vector<std::size_t> steps;  // steps of the Program that it covers
  Seconds time;                    // wall time of the step spent here
  std::uint64_t bytes = 0;
  double operations = 0;
  std::uint64_t calls = 0;
};

// What crossed which memory, for a phase.
struct Traffic {
  std::uint64_t weight_bytes = 0, kv_bytes = 0, copied_bytes = 0;
  std::uint64_t link_bytes = 0;   // of weights that crossed the link to be used once
  std::uint64_t added_bytes = 0;  // by AddedWork, from memory
};

// Work that the lab adds to the matrix products of steps of one row; their results keep every bit.
struct AddedWork {
  double bytes = 0;  // read besides from memory that nobody else reads, of the weights' bytes
  double cached_bytes = 0;  // the same loads from the nearest cache: a placebo
  double arithmetic = 0;    // repeated on data in registers, of the products' arithmetic
};

// Weights copied to a device's own memory when a segment was compiled: a clock apart from the
// run's.
struct Upload {
  Bytes bytes;
  Seconds time;
};

// A compiled segment with its buffers. Not thread-safe: one caller at a time.
class Executable {
 public:
  virtual ~Executable() = default;
  // boundary_in / the result: the values that cross the segment's begin / end (values_across), each
  // [rows, width] float32, one after another. A segment that ends the Program gives logits
  // [logit rows, vocabulary] instead. Valid until the next run. Throws Error on device failures.
  virtual std::span<const float> run(const Batch& batch, const PageTables& tables,
                                     std::span<const float> boundary_in = {}) = 0;
  virtual std::uint32_t max_rows() const = 0;  // of one Batch; the engine splits longer prompts
  virtual void set_profiling(bool on) = 0;
  virtual std::vector<ProfileEntry> profile() const = 0;
  virtual void reset_profile() = 0;
  virtual Traffic traffic() const = 0;  // since compile
  virtual Upload upload() const { return {}; }
  virtual std::uint64_t workspace_bytes() const = 0;
  // From the next run on, by kernels made for it (also where all shares are 0), until
  // stop_added_work(). Throws Error(failed) where the device has none for some matrix's type.
  virtual void set_added_work(const AddedWork& /*work*/) {
    fail(ExitCode::failed, "this device has no kernels with added work: use --device cpu");
  }
  virtual void stop_added_work() {}
};

struct StepRange {
  std::size_t begin = 0, end = 0;
};

struct CompileOptions {
  std::uint32_t max_rows = 512;  // rows of one Batch
  std::uint32_t max_logit_rows = 1;
  // Matrices that no step outside these ranges uses are not copied: each range's cross the link
  // whenever it runs. Only for devices that tell a link_rate().
  std::vector<StepRange> streamed = {};
  // Segments of one round run one after another, in the order of their compilation, in each step.
  unsigned round = 0;
  // Stores of this device for states that `kv` does not hold.
  std::vector<KvStore*> other_kv = {};
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;         // "cpu"
  virtual std::string description() const = 0;  // "2 threads, AVX-512 VNNI"
  virtual Residency residency(const Program& program, WeightId weight) const = 0;
  // How fast it reads its own memory now, by one short read; empty: its memory is the host's, which
  // `probe` reads.
  virtual std::optional<BytesPerSecond> read_rate() { return std::nullopt; }
  // How fast weights cross to it now, by one short copy; empty: they do not, or it cannot run what
  // crosses at every step.
  virtual std::optional<BytesPerSecond> link_rate() { return std::nullopt; }
  // Its place on the bus, by which the system's own tools know it ("00000000:4e:00.0"); empty:
  // unknown.
  virtual std::string bus_address() const { return {}; }
  virtual std::unique_ptr<KvStore> make_kv_store(const Program& program, std::size_t begin_step,
                                                 std::size_t end_step, KvType type,
                                                 std::uint32_t pages) = 0;
  virtual std::unique_ptr<Executable> compile(const Program& program,
                                              std::shared_ptr<const Weights> weights,
                                              std::size_t begin_step, std::size_t end_step,
                                              KvStore& kv, const CompileOptions& options) = 0;
};

}  // namespace ceiling
