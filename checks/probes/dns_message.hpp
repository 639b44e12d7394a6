// Answers of name servers, read by the resolver library of the C library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace understudy::checks {

// Nothing for a record type that is not one of A AAAA CNAME MX NS PTR SOA SRV TXT.
std::optional<int> record_type(const std::string& name);

// "NXDOMAIN", "SERVFAIL".
std::string response_code_name(unsigned code);

struct DnsAnswer {
    bool ours = false;                 // an answer to this question; if not, it is to be ignored
    std::string error;                 // "NXDOMAIN", "SERVFAIL", "malformed answer"
    std::vector<std::string> records;  // of the type asked for, as text
};

// `packet` comes from a stranger.
DnsAnswer read_dns_answer(std::span<const std::byte> packet, std::uint16_t id,
                          const std::string& name, int type);

}  // namespace understudy::checks
