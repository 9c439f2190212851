// Windows: nothing here was tried yet. Every function says so, instead of guessing.
#include "base/error.h"
#include "os/ballast.h"
#include "os/conditions.h"
#include "os/cpu.h"
#include "os/energy.h"
#include "os/event_counter.h"
#include "os/files.h"
#include "os/gpu.h"
#include "os/interrupt.h"
#include "os/memory.h"
#include "os/memory_group.h"
#include "os/memory_map.h"
#include "os/process.h"

namespace ceiling::os {
namespace {

[[noreturn]] void not_tried() {
  fail(ExitCode::failed,
       "this was not tried on Windows: run ceiling on Linux (WSL 2 is one) or macOS");
}

}  // namespace

MappedFile MappedFile::open(const std::string& /*path*/) { not_tried(); }
MappedFile::~MappedFile() = default;
MappedFile::MappedFile(MappedFile&&) noexcept = default;
MappedFile& MappedFile::operator=(MappedFile&&) noexcept = default;
void MappedFile::advise_sequential() const { not_tried(); }
void MappedFile::populate(unsigned /*threads*/) const { not_tried(); }
void MappedFile::release(std::span<const std::byte> /*part*/) const { not_tried(); }
void MappedFile::take_over() { not_tried(); }
double MappedFile::resident_share() const { not_tried(); }
void evict_from_page_cache(const std::string& /*path*/) { not_tried(); }

AnonymousMemory::AnonymousMemory(std::size_t /*bytes*/) { not_tried(); }
AnonymousMemory::~AnonymousMemory() = default;
AnonymousMemory::AnonymousMemory(AnonymousMemory&&) noexcept = default;
AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&&) noexcept = default;
void AnonymousMemory::advise_huge_pages() const { not_tried(); }
void AnonymousMemory::release(std::size_t /*offset*/, std::size_t /*bytes*/) const { not_tried(); }

AtomicFile::AtomicFile(std::string /*path*/) { not_tried(); }
AtomicFile::~AtomicFile() = default;
void AtomicFile::write(const void* /*data*/, std::size_t /*bytes*/) { not_tried(); }
void AtomicFile::write_at(std::uint64_t /*offset*/, const void* /*data*/, std::size_t /*bytes*/) {
  not_tried();
}
void AtomicFile::reserve(std::uint64_t /*bytes*/) { not_tried(); }
void AtomicFile::commit() { not_tried(); }
void write_file(const std::string& /*path*/, std::string_view /*text*/) { not_tried(); }
std::string read_file(const std::string& /*path*/) { not_tried(); }
void append_line_synced(const std::string& /*path*/, std::string_view /*line*/) { not_tried(); }
FileStamp file_stamp(const std::string& /*path*/) { not_tried(); }
Bytes free_space(const std::string& /*directory*/) { not_tried(); }
bool lies_in_memory(const std::string& /*path*/) { not_tried(); }
std::string cache_directory() { not_tried(); }
std::string models_directory() { not_tried(); }

CpuInfo cpu_info() { not_tried(); }
unsigned default_threads() { not_tried(); }
std::vector<unsigned> pin_order(unsigned /*threads*/) { not_tried(); }
bool pin_this_thread(unsigned /*processor*/) { return false; }
void leave_processors(const std::vector<unsigned>& /*taken*/, unsigned /*processor*/) {}
MemoryInfo memory_info() { not_tried(); }
ProcessMemory process_memory() { not_tried(); }
std::vector<EnergyMeter> energy_meters() { return {}; }
std::vector<std::unique_ptr<Gpu>> gpus() { return {}; }
bool same_bus_address(const std::string& /*a*/, const std::string& /*b*/) { return false; }
EventCounter::EventCounter(Event /*event*/) {}
EventCounter::~EventCounter() = default;
std::optional<std::uint64_t> EventCounter::count() const { return std::nullopt; }
std::string ballast_obstacle(Bytes /*bytes*/) { return "this was not tried on Windows"; }
Ballast::Ballast() = default;
void Ballast::grow(Bytes /*bytes*/) { not_tried(); }
Conditions conditions() { not_tried(); }
SystemInfo system_info() { not_tried(); }

ProcessResult run_process(const std::vector<std::string>& /*argv*/,
                          const std::vector<std::string>& /*environment*/, double /*timeout_s*/) {
  not_tried();
}
std::string own_executable() { not_tried(); }
void install_interrupt_handler(bool) {}
bool interrupted() { return false; }
void clear_interrupt() {}
bool wait_for_input(int /*descriptor*/) { return true; }

std::string memory_group_obstacle() { not_tried(); }
MemoryGroup::MemoryGroup() { not_tried(); }
MemoryGroup::~MemoryGroup() = default;
void MemoryGroup::limit(Bytes /*bytes*/) const { not_tried(); }
MemoryGroup::Charge MemoryGroup::charge() const { not_tried(); }

}  // namespace ceiling::os
