#include "probe/unit_reading.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "device/vulkan/vulkan_device.h"
#include "probe/read_probe.h"

namespace ceiling::probe {
namespace {

constexpr Bytes kSlice{std::uint64_t{64} << 20};
constexpr std::size_t kLeast = 5;  // readings

Distribution read_for(Device& device, Seconds time) {
  std::vector<double> rates;
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  while (rates.size() < kLeast || spent() < time.value) {
    rates.push_back(device.read_rate().value_or(BytesPerSecond{}).gb_per_s());
  }
  return Distribution(std::move(rates));
}

void read_beside_cpu(Device& device, std::span<const std::byte> region, unsigned threads,
                     Seconds time, UnitReading& out) {
  std::atomic<bool> done = false;
  std::vector<double> rates;
  std::thread cpu([&] {
    ReadProbe probe(region, threads);
    while (!done) rates.push_back(probe.read(kSlice).rate().gb_per_s());
  });
  out.beside_cpu = read_for(device, time);
  done = true;
  cpu.join();
  out.cpu_beside_it = Distribution(std::move(rates));
}

UnitReading measure_unit(const vulkan::Unit& unit, std::span<const std::byte> region,
                         unsigned threads, Seconds time) {
  UnitReading out;
  out.device = "vulkan";
  out.name = unit.name;
  out.driver = unit.driver;
  out.host_memory = unit.host_memory;
  out.software = unit.kind == vulkan::UnitKind::processor;
  try {
    const auto device = vulkan::make_vulkan_device({.number = unit.number});
    device->read_rate();  // makes ready
    out.gb_per_s = read_for(*device, time);
    if (unit.host_memory) read_beside_cpu(*device, region, threads, time, out);
  } catch (const Error& error) {
    out.failure = error.what();
  }
  return out;
}

std::vector<vulkan::Unit> listed() {
  if (!vulkan::built()) return {};
  try {
    return vulkan::units();
  } catch (const Error&) {  // no driver
    return {};
  }
}

}  // namespace

std::vector<UnitReading> measure_units(std::span<const std::byte> region, unsigned threads,
                                       Seconds time) {
  std::vector<UnitReading> out;
  for (const vulkan::Unit& unit : listed()) {
    out.push_back(measure_unit(unit, region, threads, time));
  }
  return out;
}

}  // namespace ceiling::probe
