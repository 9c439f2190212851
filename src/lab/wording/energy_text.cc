// What tokens cost in energy, in words and in a table.
#include <fmt/format.h>

#include "lab/wording/report_text.h"

namespace ceiling::lab {

std::string meter_name(const EnergyFigures& figures) {
  if (figures.what == "wall") return "the whole machine (typed from a meter at the wall)";
  return figures.what + " (its own counter)";
}

Table energy_table(const ReportData& data) {
  Table table{
      {"Cell", "Weights", "What draws it", "Watts", "Joules a token", "Tokens a joule (95 %)"},
      {},
      3};
  for (const CellFigures& f : data.analysis.cells) {
    const Cell& cell = data.plan.cells[f.cell];
    for (const EnergyFigures& energy : f.energy) {
      table.rows.push_back({cell.title(), weights_label(cell), meter_name(energy),
                            shown(energy.watts), shown(1 / energy.tokens_per_joule.value),
                            shown(energy.tokens_per_joule)});
    }
  }
  return table;
}

std::string energy_note(const ReportData& data) {
  if (energy_table(data).rows.empty()) {
    return "What a token costs in energy is not known of this run: no counter of this machine may "
           "be "
           "read (Linux shows the processor’s to root only, and a virtual machine has none), and "
           "no reading of a meter at the wall was given (ceiling lab --watts).";
  }
  std::string note =
      "Decode alone: neither loading nor the readings of the memory between tokens count. A "
      "processor’s counter leaves out memory modules, disks, screen and power supply; only a meter "
      "at the wall sees all of the machine.";
  if (has_devices(data.plan)) {
    note +=
        " A device’s counter moves too seldom to be stopped for those readings: their share of the "
        "time is taken out.";
  }
  if (data.plan.machine.wall_watts) {
    note += fmt::format(
        " {} W were typed in before the run, one figure for all cells: its interval is the speed’s "
        "alone.",
        shown(*data.plan.machine.wall_watts));
  }
  return note;
}

}  // namespace ceiling::lab
