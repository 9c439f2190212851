#include "device/batch_check.h"

#include "base/error.h"

namespace ceiling {

void check_batch(const Batch& batch, const Program& program, const CompileOptions& options,
                 std::string_view device) {
  const std::size_t rows = batch.rows.size();
  const std::size_t logits = batch.logit_rows();
  if (rows == 0 || rows > options.max_rows || logits > options.max_logit_rows) {
    fail(ExitCode::failed,
         "a batch of {} rows, {} of them with logits: the {} device was compiled for 1 to {} and "
         "{}",
         rows, logits, device, options.max_rows, options.max_logit_rows);
  }
  for (const BatchRow& row : batch.rows) {
    if (row.token < 0 || static_cast<std::uint32_t>(row.token) >= program.vocabulary) {
      fail(ExitCode::failed, "token {} is outside the vocabulary of {}", row.token,
           program.vocabulary);
    }
  }
}

}  // namespace ceiling
