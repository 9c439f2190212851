// What a device did during a trial: from looks at it before, between and after the tokens.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace ceiling::lab {

class Fields;

// Empty: not shown here.
struct DeviceConditions {
  std::optional<double> clock_mhz, least_clock_mhz;  // over the looks: mean, least
  std::optional<double> most_clock_mhz;              // that the device may have
  std::optional<double> memory_clock_mhz;            // mean
  std::optional<double> temperature_c;               // highest
  std::optional<double> power_w;                     // mean
  std::optional<double> slowed_share;     // of the looks: clocks lowered by heat or power supply
  std::optional<double> power_cap_share;  // of the looks: clocks held to keep the power limit
  std::optional<double> corrected_errors, uncorrected_errors;  // of its memory, during the trial
  std::optional<double> other_processes;                       // with work on it
};

nlohmann::json to_json(const DeviceConditions& conditions);
DeviceConditions device_conditions_from_json(const Fields& fields);  // throws Error(integrity)

// By the names that the ledger has, for tables.
struct NamedDeviceCondition {
  const char* name;
  std::optional<double> DeviceConditions::* member;
};
inline constexpr NamedDeviceCondition kDeviceConditions[] = {
    {"clock_mhz", &DeviceConditions::clock_mhz},
    {"least_clock_mhz", &DeviceConditions::least_clock_mhz},
    {"most_clock_mhz", &DeviceConditions::most_clock_mhz},
    {"memory_clock_mhz", &DeviceConditions::memory_clock_mhz},
    {"temperature_c", &DeviceConditions::temperature_c},
    {"power_w", &DeviceConditions::power_w},
    {"slowed_share", &DeviceConditions::slowed_share},
    {"power_cap_share", &DeviceConditions::power_cap_share},
    {"corrected_errors", &DeviceConditions::corrected_errors},
    {"uncorrected_errors", &DeviceConditions::uncorrected_errors},
    {"other_processes", &DeviceConditions::other_processes},
};

}  // namespace ceiling::lab
