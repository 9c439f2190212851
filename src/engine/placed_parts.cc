#include "engine/placed_parts.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "engine/segments.h"

namespace ceiling {
namespace {

void add_layers(const Program& program, const Segment& segment, std::vector<StepRange>& ranges) {
  for (std::size_t i = segment.begin; i < segment.end; ++i) {
    const bool first = i == segment.begin || program.steps[i].layer != program.steps[i - 1].layer;
    if (first) ranges.push_back({i, i});
    ranges.back().end = i + 1;
  }
}

std::size_t end_of_run(const std::vector<PlacedPart>& parts, std::size_t first,
                       std::string_view host) {
  std::size_t end = first + 1;
  if (parts[first].segment.unit == host) return end;
  while (end < parts.size() && parts[end].segment.unit == parts[first].segment.unit) ++end;
  return end;
}

CompileOptions options_of(const Program& program, std::span<const PlacedPart> run,
                          std::string_view host, CompileOptions options) {
  for (const PlacedPart& part : run) {
    if (part.kv != run.front().kv) options.other_kv.push_back(part.kv);
    if (part.segment.residency == Residency::spilled && part.segment.unit != host) {
      add_layers(program, part.segment, options.streamed);
    }
  }
  return options;
}

}  // namespace

std::vector<Segment> cut_alike(const Placement& a, const Placement& b) {
  std::set<std::size_t> ends;
  for (const Placement* const placement : {&a, &b}) {
    for (const Segment& segment : placement->segments) ends.insert(segment.end);
  }
  std::vector<Segment> out;
  for (const Segment& segment : a.segments) {
    std::size_t begin = segment.begin;
    for (auto end = ends.upper_bound(begin); end != ends.end() && *end <= segment.end; ++end) {
      Segment& part = out.emplace_back(segment);
      part.begin = begin;
      part.end = begin = *end;
    }
  }
  return out;
}

Compiled compile_parts(const Program& program, const std::shared_ptr<const Weights>& weights,
                       const std::vector<PlacedPart>& parts, std::string_view host,
                       const std::function<Device&(std::string_view)>& unit,
                       const CompileOptions& options) {
  Compiled out;
  std::vector<std::unique_ptr<Executable>> executables;
  for (std::size_t first = 0; first < parts.size();) {
    const std::size_t end = end_of_run(parts, first, host);
    const std::span run = std::span(parts).subspan(first, end - first);
    executables.push_back(unit(run.front().segment.unit)
                              .compile(program, weights, run.front().segment.begin,
                                       run.back().segment.end, *run.front().kv,
                                       options_of(program, run, host, options)));
    if (run.front().segment.unit == host) {
      out.host_workspace_bytes += executables.back()->workspace_bytes();
    }
    first = end;
  }
  out.executable = join_executables(std::move(executables));
  return out;
}

}  // namespace ceiling
