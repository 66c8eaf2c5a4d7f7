// http_message_test.cpp: what is a message of HTTP/1.1 and what is not. Source: RFC 9112; M1 to M5 of message.hpp.
#include "tutorials/examples/http/message.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using http::Framing;

/// The status with which a head is refused; 0 where it is accepted.
int refusal_of(std::string_view bytes) {
  try {
    http::parse_request_head(bytes);
  } catch (const http::Refusal& refusal) {
    return refusal.status();
  }
  return 0;
}

/// A request with that line in its head.
std::string get_with(const std::string& field) { return "GET / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n"; }

int chunk_refusal_of(std::string_view line) {
  try {
    http::parse_chunk_size(line);
  } catch (const http::Refusal& refusal) {
    return refusal.status();
  }
  return 0;
}

TEST(ARequestHead, IsReadWithItsFieldsInOrder) {
  const auto head = http::parse_request_head("POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-One:1\r\nx-two:  a b \t\r\n\r\n");

  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/a?b=c");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.fields, (http::Fields{{"Host", "x"}, {"X-One", "1"}, {"x-two", "a b"}}));
  EXPECT_EQ(*head.fields.find("X-TWO"), "a b");
}

TEST(ARequestHead, IsRefusedWhereItsFirstLineIsNone) {
  for (const char* line :
       {"", "GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET a HTTP/1.1", "G(T / HTTP/1.1",
        "GET / HTTP/1", "GET / http/1.1", "GET / HTTP/1.1x", "GET /\x01 HTTP/1.1"}) {
    EXPECT_EQ(refusal_of(std::string(line) + "\r\nHost: a\r\n\r\n"), 400) << line;
  }
  EXPECT_EQ(refusal_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
}

// M1, M2
TEST(ARequestHead, IsRefusedWhereAFieldCouldBeReadInTwoWays) {
  for (const char* field : {"no colon", ": no name", "Name : blank before the colon", " Continued: line", "\tA: b",
                            "A: b\rc", "A: b\nB: c", "A: \x01", "A: \x7f", "(A): b"}) {
    EXPECT_EQ(refusal_of(get_with(field)), 400) << field;
  }
  EXPECT_EQ(refusal_of(get_with(std::string("A: b\0c", 6))), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(refusal_of(get_with("A: b") + "more"), 400);
}

TEST(ARequestHead, NamesOneHost) {
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(get_with("Host: b")), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.0\r\n\r\n"), 0);
}

// M6
TEST(ARequestHead, HasAHostThatCouldBeOne) {
  for (const char* host :
       {"a", "a.b:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "[fe80::1%eth0]:80", "a:", "xn--a_b"}) {
    EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 0) << host;
  }
  for (const char* host :
       {"", "a b", "a/b", "me@a", "a:b", "a:80:80", "[::1", "[]", "[::1]80", ":80", "a,b c", "\xff"}) {
    EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400) << host;
  }
}

// M6; RFC 9112, 3.2.2
TEST(ARequestHead, MayNameItsHostInTheTarget) {
  const auto target_of = [](const std::string& target) {
    return http::parse_request_head("GET " + target + " HTTP/1.1\r\nHost: a:80\r\n\r\n").target;
  };
  EXPECT_EQ(target_of("http://a:80/b?c"), "/b?c");
  EXPECT_EQ(target_of("HTTP://A:80"), "/");
  EXPECT_EQ(target_of("http://a:80?c"), "/?c");
  for (const char* target :
       {"http://b:80/", "http:///", "http://me@a:80/", "https://a:80/", "http://a:80#b", "*", "a:80"}) {
    EXPECT_EQ(refusal_of("GET " + std::string(target) + " HTTP/1.1\r\nHost: a:80\r\n\r\n"), 400) << target;
  }
}

TEST(AHead, IsNotWrittenWhereItWouldBeReadAsAnotherOne) {
  const http::RequestHead fine{.method = "GET", .target = "/", .fields = {{"Host", "a"}}};
  const auto with = [&](auto change) {
    http::RequestHead head = fine;
    change(head);
    return head;
  };
  EXPECT_EQ(http::format_head(fine), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const http::RequestHead& head :
       {with([](auto& head) { head.method = "GET\r\n"; }), with([](auto& head) { head.target = "/ x"; }),
        with([](auto& head) { head.target = "x"; }), with([](auto& head) { head.fields.add("A\r\nB", "c"); }),
        with([](auto& head) { head.fields.add("A", std::string("b\0", 2)); })}) {
    EXPECT_THROW(http::format_head(head), std::invalid_argument);
  }
  EXPECT_THROW(http::format_head(http::ResponseHead{.reason = "OK\r\n"}), std::invalid_argument);
  EXPECT_THROW(http::format_head(http::ResponseHead{.status = 99}), std::invalid_argument);
}

// M3, M4: what a smuggled request is made of.
TEST(ABody, HasOneLengthOrIsRefused) {
  for (const char* length : {"+1", "-1", "1 2", "0x10", "1,1", "", "9999999999999999999", "1e3", "\xc2\xb2"}) {
    EXPECT_EQ(refusal_of(get_with("Content-Length: " + std::string(length))), 400) << length;
  }
  EXPECT_EQ(refusal_of(get_with("Content-Length: 1\r\nContent-Length: 1")), 400);
  EXPECT_EQ(refusal_of(get_with("Content-Length: 1\r\nTransfer-Encoding: chunked")), 400);
  EXPECT_EQ(refusal_of(get_with("Transfer-Encoding: gzip")), 501);
  EXPECT_EQ(refusal_of(get_with("Transfer-Encoding: gzip, chunked")), 501);
  EXPECT_EQ(refusal_of(get_with("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked")), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(ABody, IsDelimitedAsItsHeadSays) {
  const auto of = [](const std::string& field) { return framing(http::parse_request_head(get_with(field))); };
  EXPECT_EQ(of("A: b").kind, Framing::Kind::none);
  EXPECT_EQ(of("transfer-encoding: Chunked").kind, Framing::Kind::chunked);
  EXPECT_EQ(of("Content-Length: 0012").length, 12u);

  const auto answered = [](const std::string& head, std::string_view method) {
    return framing(http::parse_response_head(head), method).kind;
  };
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n\r\n", "GET"), Framing::Kind::until_close);
  EXPECT_EQ(answered("HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", "GET"), Framing::Kind::length);
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"), Framing::Kind::none);
  EXPECT_EQ(answered("HTTP/1.1 204 No Content\r\n\r\n", "GET"), Framing::Kind::none);
}

TEST(AChunk, HasAHexadecimalSize) {
  EXPECT_EQ(http::parse_chunk_size("1aF\r\n"), 0x1afu);
  EXPECT_EQ(http::parse_chunk_size("5;name=value"), 5u);
  for (const char* line : {"", "\r\n", "g", "-1", "0x5", "5 5", "1234567890abcdef", ";x", "5\n", "5\r5"}) {
    EXPECT_EQ(chunk_refusal_of(line), 400) << line;
  }
}

TEST(AConnection, IsKeptAsBothVersionsHaveIt) {
  EXPECT_TRUE(http::keeps_alive(1, {}));
  EXPECT_FALSE(http::keeps_alive(1, {{"Connection", "upgrade, Close"}}));
  EXPECT_FALSE(http::keeps_alive(0, {}));
  EXPECT_TRUE(http::keeps_alive(0, {{"connection", "Keep-Alive"}}));
}

TEST(AResponseHead, IsRefusedWhereItIsNone) {
  for (const char* line : {"HTTP/1.1", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 +20 OK", "HTTP/1.1 099 x",
                           "200 OK", "HTTP/2.0 200 OK", "HTTP/1.1 200 O\x01K"}) {
    EXPECT_THROW(http::parse_response_head(std::string(line) + "\r\n\r\n"), http::Refusal) << line;
  }
  EXPECT_EQ(http::parse_response_head("HTTP/1.0 404 Not Found\r\n\r\n").reason, "Not Found");
}

// ---- Any bytes at all ----

/// Changes a few bytes of a text: replaces, inserts, deletes, or repeats a part.
std::string mangled(std::string text, std::mt19937_64& random) {
  static constexpr std::string_view SPECIAL(
      "\r\n\t :,;0\0\x7f\xff"
      "aA/",
      14);
  for (std::uint64_t changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    const char byte = random() % 2 == 0 ? SPECIAL[random() % SPECIAL.size()] : static_cast<char>(random());
    switch (random() % 4) {
      case 0: text[at] = byte; break;
      case 1: text.insert(at, 1, byte); break;
      case 2: text.erase(at, 1 + random() % 3); break;
      default: text.insert(at, text.substr(random() % text.size(), random() % 20));
    }
  }
  return text;
}

// M5: what is accepted means one thing, for us and for whoever reads what we pass on.
TEST(TheParser, AcceptsOnlyWhatItWouldWriteInTheSameWay) {
  const std::vector<std::string> seeds = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /echo?x=y HTTP/1.1\r\nHost: a:80\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
      "POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close, te\r\n\r\n",
      "HEAD /count/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  };
  std::mt19937_64 random(1);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string bytes = mangled(seeds[static_cast<std::size_t>(round) % seeds.size()], random);
    try {
      const http::RequestHead head = http::parse_request_head(bytes);
      ++accepted;
      ASSERT_EQ(http::parse_request_head(http::format_head(head)), head) << testing::PrintToString(bytes);
    } catch (const http::Refusal& refusal) {
      ASSERT_TRUE(refusal.status() == 400 || refusal.status() == 501 || refusal.status() == 505) << refusal.status();
    }
  }
  EXPECT_GT(accepted, 1000);  // or this test says nothing
  EXPECT_LT(accepted, 19'000);
}

}  // namespace
