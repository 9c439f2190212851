// What `ceiling fit` is asked about: this machine, and models by shape or by file.
#pragma once

#include <string>

#include "fit/decode_prediction.h"
#include "fit/engine.h"
#include "fit/hardware.h"
#include "lab/plan/plan.h"
#include "model/program.h"
#include "model/shapes.h"

namespace ceiling::cli {

// This machine, as a row of the catalogue would have it.
struct ThisMachine {
  fit::Hardware hardware;
  fit::MachineRates rates;
  lab::PlanMachine described;  // with what its latest lab taught
};

// Measures for about two seconds, or takes the given bandwidth (0: measure). Learns from the lab
// run in that folder; empty: from the latest of this machine where runs are kept. Throws
// Error(usage) for a folder without usable trials, Error(integrity) for a run that is damaged or
// not finished.
ThisMachine measure_this_machine(double bandwidth_gb_per_s, const std::string& lab_folder);

// Header and row of data/hardware.csv for this machine; what a program cannot see is left empty.
std::string catalogue_row(const ThisMachine& here);

struct FitModel {
  Program program;
  std::string name, type;
  fit::TypeClass type_class = fit::TypeClass::super_blocks;
  std::string source;  // what was read of which server's file; empty: none
};

// A shape by its size or a published model's name. Throws Error(usage) with the names there are.
const Shape& shape_named(const std::string& name);
FitModel model_of_shape(const Shape& shape, const std::string& type);
// From a GGUF file's front, the rest of which may be missing: a path, or an address as
// store/remote_header.h takes it.
FitModel model_of_file(const std::string& path);

}  // namespace ceiling::cli
