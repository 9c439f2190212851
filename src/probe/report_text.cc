#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/printable.h"
#include "probe/report.h"

namespace ceiling::probe {
namespace {

using Out = std::back_insert_iterator<std::string>;

std::string counted(std::size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string known_size(std::uint64_t bytes) {
  return bytes == 0 ? "unknown" : format_capacity({bytes});
}

// Breaks the text between words so that lines hold at most 80 columns, and indents all but the
// first.
std::string wrapped(const std::string& text) {
  constexpr std::size_t kColumns = 80;
  constexpr std::size_t kIndent = 2;
  std::string result;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::size_t length = end - at;
    if (column > 0 && column + 1 + length > kColumns) {
      result += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > 0) {
      result += ' ';
      ++column;
    }
    result.append(text, at, length);
    column += length;
    at = end + 1;
  }
  return result;
}

void headline(Out out, const Report& report, bool bold) {
  const BandwidthReading& most = report.memory.back();
  const Distribution& rate = most.gb_per_s;
  fmt::format_to(out, "{}This machine reads {} from memory{} with {}", bold ? "\033[1m" : "",
                 format_bandwidth({rate.median() * 1e9}), bold ? "\033[0m" : "",
                 counted(most.threads, "thread"));
  fmt::format_to(out, " (mostly {} to {}).\n", format_count(rate.quantile(0.05)),
                 format_count(rate.quantile(0.95)));
  std::string most_tokens;
  for (const std::uint64_t gib : {1, 4, 16, 64}) {
    const Bytes weights{gib << 30};
    if (weights > report.machine.memory.total) break;
    const double tokens = rate.median() * 1e9 / static_cast<double>(weights.value);
    most_tokens +=
        fmt::format("{}{} with {} GiB", most_tokens.empty() ? "" : ", ", format_count(tokens), gib);
  }
  fmt::format_to(out, "Making a token reads every weight once: at most, in tokens/s,\n  {}.\n",
                 most_tokens);
}

void machine(Out out, const Machine& m) {
  const os::CpuInfo& cpu = m.cpu;
  fmt::format_to(out, "\n  {:<12}{}, {}", "Processor", cpu.model,
                 counted(cpu.physical_cores, "core"));
  if (cpu.performance_cores != cpu.physical_cores) {
    fmt::format_to(out, " ({} fast)", cpu.performance_cores);
  }
  if (cpu.usable.size() != cpu.physical_cores) {
    fmt::format_to(out, ", {}", counted(cpu.usable.size(), "hyper-thread"));
  }
  if (cpu.quota_cores > 0) fmt::format_to(out, ", limited to {:.1f}", cpu.quota_cores);
  fmt::format_to(out, "; {}{}\n", name(m.isa), m.bf16 ? " with bfloat16" : "");
  fmt::format_to(out, "  {:<12}L1 {}, L2 {} a core; last level {} in all\n", "Caches",
                 known_size(cpu.l1d_bytes), known_size(cpu.l2_bytes),
                 known_size(cpu.last_level_bytes));
  fmt::format_to(out, "  {:<12}{}, {} available", "Memory", format_capacity(m.memory.total),
                 format_capacity(m.memory.available));
  if (m.memory.swap_total.value > 0) {
    fmt::format_to(out, "; swap {} of {} used", format_capacity(m.memory.swap_used),
                   format_capacity(m.memory.swap_total));
  }
  fmt::format_to(out, "\n  {:<12}{}, kernel {}", "System", m.system.os, m.system.kernel);
  if (!cpu.governor.empty()) fmt::format_to(out, ", governor {}", cpu.governor);
  if (cpu.virtual_machine) {
    fmt::format_to(out,
                   "\n  {:<12}{}virtual machine: these figures are its share of the machine, now",
                   "", cpu.hypervisor.empty() ? "" : cpu.hypervisor + " ");
  }
  fmt::format_to(out, "\n");
}

void row(Out out, const std::string& what, const Distribution& values) {
  fmt::format_to(out, "  {:<40}{:>8}   {:>7} - {}\n", what, format_count(values.median()),
                 format_count(values.quantile(0.05)), format_count(values.quantile(0.95)));
}

void title(Out out, std::string_view what, std::string_view unit) {
  fmt::format_to(out, "\n{:<42}{:>8}   {}\n", fmt::format("{}, {}", what, unit), "median",
                 "9 of 10 readings");
}

void units(Out out, const Report& report) {
  for (const UnitReading& unit : report.units) {
    const std::string name = printable(unit.name, 28);
    if (!unit.failure.empty()) {
      fmt::format_to(out, "{}\n", wrapped(fmt::format("  {}: {}", name, unit.failure)));
      continue;
    }
    const std::string label = fmt::format("{}: {}", unit.device, name);
    row(out, label, unit.gb_per_s);
    if (!unit.host_memory) continue;
    row(out, "  the same while the CPU reads too", unit.beside_cpu);
    row(out, "  the CPU meanwhile", unit.cpu_beside_it);
  }
}

void measured(Out out, const Report& report) {
  title(out, "Reading", "GB/s");
  for (const BandwidthReading& reading : report.memory) {
    row(out, "memory, " + counted(reading.threads, "thread"), reading.gb_per_s);
  }
  if (report.file) {
    const std::string file = std::filesystem::path(report.file->path).filename().string();
    row(out,
        fmt::format("{}, {}", printable(file, 26),
                    counted(report.file->bandwidth.threads, "thread")),
        report.file->bandwidth.gb_per_s);
  }
  units(out, report);
  title(out, "Multiplying and adding", "Gop/s");
  for (const ComputeReading& reading : report.compute) {
    row(out, fmt::format("{}, {}", name(reading.arithmetic), counted(reading.threads, "thread")),
        reading.gop_per_s);
  }
}

}  // namespace

std::string to_text(const Report& report, bool bold) {
  std::string text;
  const Out out = std::back_inserter(text);
  headline(out, report, bold);
  machine(out, report.machine);
  measured(out, report);
  for (const Warning& warning : report.warnings) {
    fmt::format_to(
        out, "\n{}\n",
        wrapped(fmt::format("Caution: {}. What to do: {}.", warning.what, warning.remedy)));
  }
  return text;
}

}  // namespace ceiling::probe
