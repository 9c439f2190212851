#include "lab/ledger/seal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"
#include "lab/json/canonical_json.h"

namespace ceiling::lab {
namespace {

const std::string kNonce = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

TEST(Seal, IsTheHashThatTheDocumentationStates) {
  std::string message("ceiling plan seal 1\0", 20);
  for (int i = 0; i < 32; ++i) message += static_cast<char>(i);
  message += R"({"a":1,"b":[2,"x"]})";
  EXPECT_EQ(seal_digest(kNonce, parse_json(R"({ "b": [2, "x"], "a": 1.0 })", "t")),
            sha256_hex(message));
}

TEST(Seal, AnyChangeShows) {
  const auto plan = parse_json(R"({"median":38})", "t");
  const std::string digest = seal_digest(kNonce, plan);
  EXPECT_NE(digest, seal_digest(kNonce, parse_json(R"({"median":39})", "t")));
  std::string other = kNonce;
  other.back() = 'e';
  EXPECT_NE(digest, seal_digest(other, plan));
}

TEST(Seal, RefusesAMalformedNonce) {
  const auto plan = parse_json("{}", "t");
  EXPECT_THROW(seal_digest("", plan), Error);
  EXPECT_THROW(seal_digest(kNonce + "00", plan), Error);
  EXPECT_THROW(seal_digest(std::string(64, 'g'), plan), Error);
  EXPECT_THROW(seal_digest("+1" + kNonce.substr(2), plan), Error);
}

TEST(Seal, NoncesAreLongAndDiffer) {
  const std::string a = new_nonce(), b = new_nonce();
  EXPECT_EQ(a.size(), 64U);
  EXPECT_NE(a, b);
  EXPECT_NO_THROW(seal_digest(a, parse_json("{}", "t")));
}

}  // namespace
}  // namespace ceiling::lab
