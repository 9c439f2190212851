#include "store/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "store/remote_header.h"

namespace ceiling::store {
namespace {

// Variables of the hub for one test alone.
class HubEnvironment : public testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void clear() {
    for (const char* name : {"HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE"}) unsetenv(name);
  }
};

TEST_F(HubEnvironment, IsThatOfCommonClients) {
  EXPECT_EQ(hub_from_environment().endpoint, "https://huggingface.co");
  EXPECT_FALSE(hub_from_environment().offline);
  setenv("HF_ENDPOINT", "http://127.0.0.1:8000//", 1);
  setenv("HF_TOKEN", "hf_x", 1);
  setenv("HF_HUB_OFFLINE", "Yes", 1);
  const Hub hub = hub_from_environment();
  EXPECT_EQ(hub.endpoint, "http://127.0.0.1:8000");
  EXPECT_EQ(hub.token, "hf_x");
  EXPECT_TRUE(hub.offline);
  setenv("HF_HUB_OFFLINE", "0", 1);
  EXPECT_FALSE(hub_from_environment().offline);
}

TEST_F(HubEnvironment, WhatIsNoAddressIsRefused) {
  for (const char* wrong : {"huggingface.co", "ftp://x", "https://a@b", "https://x y"}) {
    setenv("HF_ENDPOINT", wrong, 1);
    EXPECT_THROW(hub_from_environment(), Error) << wrong;
  }
  unsetenv("HF_ENDPOINT");
  setenv("HF_TOKEN", "a\nHost: b", 1);
  EXPECT_THROW(hub_from_environment(), Error);
}

TEST(HubAddress, NamesRepositoryAndFile) {
  const HubAddress plain = parse_hub_address("hf://org/Model-7B.GGUF");
  EXPECT_EQ(plain.repository, "org/Model-7B.GGUF");
  EXPECT_EQ(plain.wanted, "");
  EXPECT_EQ(parse_hub_address("hf://org/m:Q4_K_M").wanted, "Q4_K_M");
  EXPECT_EQ(parse_hub_address("hf://org/m/sub/x.gguf").wanted, "sub/x.gguf");
  EXPECT_EQ(parse_hub_address("hf://org/m:sub/x.gguf").wanted, "sub/x.gguf");
}

TEST(HubAddress, WhatItCannotBeIsNamed) {
  for (const char* wrong : {"org/m", "hf://", "hf://org", "hf://org/", "hf:///m",
                            "hf://org/m:", "hf://or g/m", "hf://../m", "hf://org/.."}) {
    try {
      parse_hub_address(wrong);
      FAIL() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << wrong;
      EXPECT_THAT(error.what(), testing::HasSubstr("hf://OWNER/NAME")) << wrong;
    }
  }
}

TEST(HubAddress, UrlsAreMadeOfSafeCharacters) {
  const Hub hub{.endpoint = "https://hub.example", .token = {}, .offline = false};
  EXPECT_EQ(file_url(hub, "o/m", "a b?/x#1.gguf"),
            "https://hub.example/o/m/resolve/main/a%20b%3F/x%231.gguf");
  EXPECT_EQ(files_url(hub, "o/m"), "https://hub.example/api/models/o/m");
}

// The token goes to the hub and nowhere else.
TEST(HubAddress, OtherHostsAreNotTheHub) {
  const Hub hub{.endpoint = "https://hub.example", .token = "t", .offline = false};
  EXPECT_TRUE(is_of(hub, "https://hub.example/o/m"));
  EXPECT_TRUE(is_of(hub, "HTTPS://HUB.example/o/m"));
  for (const char* other :
       {"http://hub.example/o", "https://hub.example:444/o", "https://hub.example.evil/o",
        "https://hub.example@evil/o", "hub.example"}) {
    EXPECT_FALSE(is_of(hub, other)) << other;
  }
}

TEST(RemoteHeader, IsToldFromAFileByItsScheme) {
  EXPECT_TRUE(is_remote("hf://org/m"));
  EXPECT_TRUE(is_remote("https://host/x.gguf"));
  EXPECT_FALSE(is_remote("models/x.gguf"));
  EXPECT_FALSE(is_remote("httpsx"));
}

}  // namespace
}  // namespace ceiling::store
