// One function a command: it adds a subcommand with its flags and sets what runs.
#pragma once

namespace CLI {
class App;
}

namespace ceiling::cli {

// Commands are declared here in the order in which `ceiling --help` lists them.
void add_run_command(CLI::App& app);
void add_chat_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_score_command(CLI::App& app);
void add_lab_command(CLI::App& app);
void add_compare_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_probe_command(CLI::App& app);
void add_fit_command(CLI::App& app);
void add_tokenize_command(CLI::App& app);
void add_quantize_command(CLI::App& app);
void add_eval_command(CLI::App& app);
void add_synth_command(CLI::App& app);
void add_tradeoff_command(CLI::App& app);
void add_trial_command(CLI::App& app);

}  // namespace ceiling::cli
