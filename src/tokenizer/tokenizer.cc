#include "tokenizer/tokenizer.h"

#include "base/error.h"
#include "tokenizer/byte_pair.h"
#include "tokenizer/sentence_piece.h"

namespace ceiling {

std::shared_ptr<const Tokenizer> Tokenizer::from_metadata(const gguf::Metadata& metadata) {
  const std::string_view model = metadata.require_string("tokenizer.ggml.model");
  if (model == "gpt2") return std::make_shared<BytePairTokenizer>(metadata);
  if (model == "llama") return std::make_shared<SentencePieceTokenizer>(metadata);
  fail(ExitCode::integrity,
       "tokenizer.ggml.model is '{}': this kind of vocabulary is not supported; those that are: "
       "gpt2 (byte-pair), llama (SentencePiece)",
       model);
}

}  // namespace ceiling
