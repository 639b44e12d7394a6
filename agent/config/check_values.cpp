#include "agent/config/check_values.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/config/pattern.hpp"

namespace understudy::config {

namespace {

// What may follow a backslash, and what it stands for.
constexpr std::string_view escape_names = "nrt0\\";
constexpr std::string_view escaped{"\n\r\t\0\\", 5};

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int hex_value(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto place = digits.find(lower);
    return place == std::string_view::npos ? -1 : static_cast<int>(place);
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    const auto last = text.find_last_not_of(' ');
    return first == std::string_view::npos ? "" : text.substr(first, last - first + 1);
}

// What DNS can carry as a name: labels of 1 to 63 bytes with points between, perhaps one at the
// end.
bool is_row_of_labels(std::string_view text) {
    constexpr std::size_t longest_label = 63;
    constexpr std::size_t longest_domain = 253;
    if (text.ends_with('.')) {
        text.remove_suffix(1);
    }
    if (text.size() > longest_domain) {
        return false;
    }
    while (true) {
        const std::string_view label = text.substr(0, text.find('.'));
        if (label.empty() || label.size() > longest_label) {
            return false;
        }
        if (label.size() == text.size()) {
            return true;
        }
        text.remove_prefix(label.size() + 1);
    }
}

bool ends_in_number(std::string_view text) {
    if (text.ends_with('.')) {
        text.remove_suffix(1);
    }
    const auto point = text.rfind('.');
    const auto label = point == std::string_view::npos ? text : text.substr(point + 1);
    return label.find_first_not_of("0123456789") == std::string_view::npos;
}

// HOST, HOST:PORT or [IPv6]:PORT behind a URL's "://", perhaps after "user@"; empty if it is one,
// otherwise what is wrong. An IPv6 address may have a zone there, as in [fe80::1%25eth0].
std::string authority_trouble(std::string_view rest) {
    constexpr int any_port = 1;
    std::string authority{rest.substr(0, rest.find_first_of("/?#"))};
    authority.erase(0, authority.rfind('@') + 1);
    const auto zone = authority.find('%');
    const auto end = authority.find(']');
    if (authority.starts_with('[') && zone < end && end != std::string::npos) {
        authority.erase(zone, end - zone);
    }
    if (authority.empty()) {
        return "it names no host";
    }
    const auto endpoint = parse_endpoint(authority, any_port);
    return endpoint ? "" : endpoint.error();
}

}  // namespace

Parsed<std::string> parse_host(const std::string& text) {
    if (IpAddress::parse(text)) {
        return text;
    }
    const bool fits =
        is_row_of_labels(text) && text.front() != '-' && std::ranges::all_of(text, [](char c) {
            return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
        });
    // No domain at the top is a number (RFC 1123 2.1): this is an address with a slip in it.
    if (!fits || ends_in_number(text)) {
        return std::unexpected(in_quotes(text) + " is neither an address nor the name of a host");
    }
    return text;
}

Parsed<std::string> parse_domain(const std::string& text) {
    if (IpAddress::parse(text)) {
        return std::unexpected(in_quotes(text) +
                               " is an address, not a domain name such as example.com or "
                               "10.2.0.192.in-addr.arpa");
    }
    const bool fits =
        text == "." || (is_row_of_labels(text) && std::ranges::all_of(text, [](char c) {
                            return is_alphanumeric(c) || std::string_view{"-._*/"}.contains(c);
                        }));
    if (!fits) {
        return std::unexpected(in_quotes(text) + " is not a domain name");
    }
    return text;
}

Parsed<checks::Endpoint> parse_endpoint(const std::string& text, std::optional<int> default_port) {
    std::string host = text;
    std::string port;
    const bool has_brackets = text.starts_with('[');
    if (has_brackets) {
        const auto end = text.find(']');
        if (end == std::string::npos) {
            return std::unexpected(in_quotes(text) + ": the bracket is not closed");
        }
        host = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else if (std::ranges::count(text, ':') == 1) {
        host = text.substr(0, text.find(':'));
        port = text.substr(text.find(':'));
    }
    if (port.empty() && !default_port) {
        return std::unexpected(in_quotes(text) + " has no port: write HOST:PORT or [IPv6]:PORT");
    }
    if (has_brackets) {
        const auto address = IpAddress::parse(host);
        if (!address || !address->is_v6()) {
            return std::unexpected(in_quotes(text) + ": brackets are for an IPv6 address");
        }
    }
    const auto name = parse_host(host);
    if (!name) {
        return std::unexpected(name.error());
    }
    int number = default_port.value_or(0);
    if (!port.empty()) {
        const auto parsed = port.front() == ':' ? parse_number(port.substr(1), 1, 65535)
                                                : parse_number(port, 1, 65535);
        if (!parsed || port.front() != ':') {
            return std::unexpected(parsed ? in_quotes(text) + " has no \":\" before the port"
                                          : "port: " + parsed.error());
        }
        number = *parsed;
    }
    return checks::Endpoint{*name, static_cast<std::uint16_t>(number)};
}

std::string format_endpoint(const checks::Endpoint& endpoint) {
    const bool v6 = endpoint.host.find(':') != std::string::npos;
    return (v6 ? '[' + endpoint.host + ']' : endpoint.host) + ':' + std::to_string(endpoint.port);
}

Parsed<std::string> parse_bytes(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            bytes += text[i];
            continue;
        }
        const char c = ++i < text.size() ? text[i] : '\0';
        if (const auto place = escape_names.find(c); place != std::string_view::npos) {
            bytes += escaped[place];
            continue;
        }
        const int high = c == 'x' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low < 0) {
            return std::unexpected(in_quotes(text) +
                                   ": after a backslash comes one of n r t 0 \\ xHH");
        }
        bytes += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return bytes;
}

std::string format_bytes(const std::string& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        // What would be taken for a comment, a quote or a variable is escaped as well.
        const bool plain = byte > 0x20 && byte < 0x7f && c != '\\' && c != '"' && c != '$';
        const auto named = escaped.find(c);
        if (plain || (c == ' ' && !text.empty())) {
            text += c;
        } else if (named != std::string_view::npos) {
            text += {'\\', escape_names[named]};
        } else {
            text += "\\x";
            text += digits[byte >> 4U];
            text += digits[byte & 0xfU];
        }
    }
    if (text.ends_with(' ')) {
        text.replace(text.size() - 1, 1, "\\x20");
    }
    return text;
}

Parsed<std::vector<checks::StatusRange>> parse_status(const std::string& text) {
    constexpr int least = 100;
    constexpr int most = 599;
    std::vector<checks::StatusRange> ranges;
    std::string_view rest = text;
    while (true) {
        const auto comma = rest.find(',');
        const std::string_view part = trimmed(rest.substr(0, comma));
        const auto dash = part.find('-');
        const auto first = parse_number(part.substr(0, dash), least, most);
        const auto last = dash == std::string_view::npos
                              ? first
                              : parse_number(part.substr(dash + 1), least, most);
        if (!first || !last) {
            return std::unexpected(!first ? first.error() : last.error());
        }
        if (*first > *last) {
            return std::unexpected(in_quotes(part) + " is empty: it begins after its end");
        }
        ranges.push_back({static_cast<unsigned>(*first), static_cast<unsigned>(*last)});
        if (comma == std::string_view::npos) {
            return ranges;
        }
        rest.remove_prefix(comma + 1);
    }
}

std::string format_status(const std::vector<checks::StatusRange>& ranges) {
    std::string text;
    for (const checks::StatusRange& range : ranges) {
        text += (text.empty() ? "" : ",") + std::to_string(range.first);
        if (range.last != range.first) {
            text += '-' + std::to_string(range.last);
        }
    }
    return text;
}

Parsed<std::string> parse_header(const std::string& text) {
    const auto colon = text.find(':');
    const auto name = std::string_view{text}.substr(0, colon);
    const bool fits =
        colon != std::string::npos && !name.empty() && std::ranges::all_of(name, [](char c) {
            return is_alphanumeric(c) ||
                   std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
        });
    if (!fits) {
        return std::unexpected(in_quotes(text) + " is not of the form Name: value");
    }
    return text;
}

Parsed<std::pair<std::string, std::string>> parse_expected_header(const std::string& text) {
    const auto header = parse_header(text);
    if (!header) {
        return std::unexpected(header.error());
    }
    const auto colon = text.find(':');
    return std::pair{text.substr(0, colon),
                     std::string{trimmed(std::string_view{text}.substr(colon + 1))}};
}

Parsed<std::size_t> parse_size(const std::string& text, std::size_t most) {
    std::size_t unit = 1;
    std::string digits = text;
    if (text.ends_with('k') || text.ends_with('K')) {
        unit = 1024;
    } else if (text.ends_with('M')) {
        unit = std::size_t{1024} * 1024;
    }
    if (unit > 1) {
        digits.pop_back();
    }
    const auto number = parse_number(digits, 1, static_cast<int>(most / unit));
    if (!number) {
        return std::unexpected(in_quotes(text) + " is not a number of bytes from 1 to " +
                               std::to_string(most) + ", such as 65536, 64k or 1M");
    }
    return static_cast<std::size_t>(*number) * unit;
}

Parsed<unsigned> parse_percent(const std::string& text, int most) {
    const auto number =
        parse_number(text.ends_with('%') ? text.substr(0, text.size() - 1) : text, 0, most);
    return number ? Parsed<unsigned>{static_cast<unsigned>(*number)}
                  : std::unexpected(in_quotes(text) + " is not a percentage from 0 to " +
                                    std::to_string(most));
}

Parsed<std::string> parse_path(const std::string& text) {
    if (!text.starts_with('/')) {
        return std::unexpected(in_quotes(text) + " is not an absolute path");
    }
    return text;
}

Parsed<std::string> parse_pattern(const std::string& text) {
    if (const std::string trouble = pattern_trouble(text); !trouble.empty()) {
        return std::unexpected(in_quotes(text) + ": " + trouble);
    }
    return text;
}

Parsed<std::string> parse_url(const std::string& text, const std::vector<std::string>& schemes) {
    const auto end = text.find("://");
    const std::string scheme = text.substr(0, end);
    if (end == std::string::npos || std::ranges::find(schemes, scheme) == schemes.end()) {
        std::string list;
        for (const std::string& known : schemes) {
            list += (list.empty() ? "" : " or ") + known + "://";
        }
        return std::unexpected(in_quotes(text) + " does not begin with " + list);
    }
    const bool fits = text.size() > end + 3 && std::ranges::all_of(text, [](char c) {
                          return static_cast<unsigned char>(c) > 0x20;
                      });
    if (!fits) {
        return std::unexpected(in_quotes(text) + " is not a URL");
    }
    if (const std::string trouble = authority_trouble(std::string_view{text}.substr(end + 3));
        !trouble.empty()) {
        return std::unexpected(in_quotes(text) + ": " + trouble);
    }
    return text;
}

Parsed<IpAddress> parse_address(const std::string& text) {
    const auto address = IpAddress::parse(text);
    if (!address) {
        return std::unexpected(in_quotes(text) + " is not an IPv4 or IPv6 address");
    }
    return *address;
}

}  // namespace understudy::config
