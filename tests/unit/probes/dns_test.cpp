// DNS messages: the query against the bytes of RFC 1035 4.1, answers written by hand after it.
#include <gmock/gmock.h>

#include <string_view>

#include "checks/probes/dns_message.hpp"

namespace understudy::checks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_view_literals;

std::vector<std::byte> bytes(std::string_view text) {
    const auto view = std::as_bytes(std::span{text});
    return {view.begin(), view.end()};
}

constexpr std::string_view question =
    "\x03www\x07"
    "example\x03"
    "com\0\0\x01\0\x01"sv;

// A response with the flags and the number of answers that are given.
std::vector<std::byte> response(std::string_view flags, char answers, std::string_view records) {
    std::string text{"\x12\x34"};
    text += flags;
    text += std::string_view{"\0\x01\0", 3};
    text += answers;
    text += std::string_view{"\0\0\0\0", 4};
    text += question;
    text += records;
    return bytes(text);
}

constexpr std::string_view good = "\x81\x80"sv;  // response, recursion desired and available
constexpr std::string_view a_record = "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x0a"sv;

DnsAnswer read(const std::vector<std::byte>& packet) {
    return read_dns_answer(packet, 0x1234, "www.example.com", *record_type("A"));
}

TEST(Dns, TheQueryIsThatOfTheRfc) {
    const std::string header{"\x12\x34\x01\0\0\x01\0\0\0\0\0\0"sv};
    EXPECT_EQ(dns_query(0x1234, "www.example.com", *record_type("A")),
              bytes(header + std::string{question}));
    EXPECT_TRUE(dns_query(1, std::string(300, 'a'), 1).empty());
    EXPECT_FALSE(record_type("AXFR"));
}

TEST(Dns, AnAddressIsRead) {
    const DnsAnswer answer = read(response(good, 1, a_record));
    EXPECT_TRUE(answer.ours);
    EXPECT_EQ(answer.error, "");
    EXPECT_THAT(answer.records, ElementsAre("192.0.2.10"));
}

TEST(Dns, ErrorsHaveTheirNames) {
    EXPECT_EQ(read(response("\x81\x83", 0, "")).error, "NXDOMAIN");
    EXPECT_EQ(read(response("\x81\x82", 0, "")).error, "SERVFAIL");
    EXPECT_THAT(read(response(good, 0, "")).records, IsEmpty());
}

TEST(Dns, WhatAnswersAnotherQuestionIsIgnored) {
    EXPECT_FALSE(read_dns_answer(response(good, 1, a_record), 1, "www.example.com", 1).ours);
    EXPECT_FALSE(read_dns_answer(response(good, 1, a_record), 0x1234, "example.com", 1).ours);
    EXPECT_FALSE(read_dns_answer(response(good, 1, a_record), 0x1234, "www.example.com", 28).ours);
    EXPECT_FALSE(read(response("\x01\x80", 1, a_record)).ours) << "a query";
}

TEST(Dns, EveryTruncationIsSurvived) {
    const auto whole = response(good, 1, a_record);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const DnsAnswer answer = read_dns_answer(std::span{whole}.first(size), 0x1234,
                                                 "www.example.com", *record_type("A"));
        EXPECT_THAT(answer.records, IsEmpty()) << size;
    }
}

TEST(Dns, AnAddressOfTheWrongSizeIsMalformed) {
    EXPECT_EQ(read(response(good, 1, "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x03\xc0\0\x02"sv)).error,
              "malformed answer");
}

}  // namespace
}  // namespace understudy::checks
