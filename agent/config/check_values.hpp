// The values that only checks have, from text and back.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/values.hpp"
#include "checks/settings.hpp"

namespace understudy::config {

// A host's name, or an address without brackets.
Parsed<std::string> parse_host(const std::string& text);
// What a name server is asked for: a domain name, also one that is no host's; "." is the root.
Parsed<std::string> parse_domain(const std::string& text);
// HOST:PORT, [V6]:PORT; with a default port also HOST alone.
Parsed<checks::Endpoint> parse_endpoint(const std::string& text,
                                        std::optional<int> default_port = std::nullopt);
std::string format_endpoint(const checks::Endpoint& endpoint);

// Bytes with the escapes \n \r \t \0 \\ \xHH.
Parsed<std::string> parse_bytes(const std::string& text);
std::string format_bytes(const std::string& bytes);

// "200-299,301": 100 to 599.
Parsed<std::vector<checks::StatusRange>> parse_status(const std::string& text);
std::string format_status(const std::vector<checks::StatusRange>& ranges);

// "Name: value" with a name of token characters (RFC 9110 5.6.2).
Parsed<std::string> parse_header(const std::string& text);
Parsed<std::pair<std::string, std::string>> parse_expected_header(const std::string& text);

// 65536, 64k, 1M.
Parsed<std::size_t> parse_size(const std::string& text, std::size_t most);
// 20 or 20%.
Parsed<unsigned> parse_percent(const std::string& text, int most);
// An absolute path.
Parsed<std::string> parse_path(const std::string& text);
// An expression that PCRE2 compiles.
Parsed<std::string> parse_pattern(const std::string& text);
// A URL whose scheme is one of these, with a host in it.
Parsed<std::string> parse_url(const std::string& text, const std::vector<std::string>& schemes);
Parsed<IpAddress> parse_address(const std::string& text);

}  // namespace understudy::config
