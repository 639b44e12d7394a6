#include "checks/probes/dns_message.hpp"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ip_address.hpp"

namespace understudy::checks {

namespace {

struct Type {
    const char* name;
    int number;
};
constexpr std::array types = {
    Type{"A", ns_t_a},     Type{"AAAA", ns_t_aaaa}, Type{"CNAME", ns_t_cname},
    Type{"MX", ns_t_mx},   Type{"NS", ns_t_ns},     Type{"PTR", ns_t_ptr},
    Type{"SOA", ns_t_soa}, Type{"SRV", ns_t_srv},   Type{"TXT", ns_t_txt}};

std::string without_dot(std::string name) {
    if (name.size() > 1 && name.back() == '.') {
        name.pop_back();
    }
    return name;
}

unsigned number_at(std::span<const unsigned char> data, std::size_t place) {
    return static_cast<unsigned>(data[place] << 8U) | data[place + 1];
}

// The domain name in the data of a record, `skip` bytes after its beginning.
std::optional<std::string> name_in(const ns_msg& message, std::span<const unsigned char> data,
                                   std::size_t skip) {
    std::array<char, NS_MAXDNAME> name{};
    if (data.size() <= skip ||
        ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data.data() + skip,
                           name.data(), name.size()) < 0) {
        return std::nullopt;
    }
    return without_dot(name.data());
}

// The character strings of a TXT record, as one.
std::string joined_strings(std::span<const unsigned char> data) {
    std::string text;
    while (!data.empty()) {
        const std::size_t size = std::min<std::size_t>(data[0], data.size() - 1);
        text.append(reinterpret_cast<const char*>(data.data()) + 1, size);
        data = data.subspan(1 + size);
    }
    return text;
}

std::optional<std::string> text_of(const ns_msg& message, const ns_rr& record, int type) {
    const std::span<const unsigned char> data{ns_rr_rdata(record),
                                              static_cast<std::size_t>(ns_rr_rdlen(record))};
    switch (type) {
        case ns_t_a:
        case ns_t_aaaa:
            if (data.size() != (type == ns_t_a ? 4U : 16U)) {
                return std::nullopt;
            }
            return IpAddress::from_bytes(std::as_bytes(data)).to_string();
        case ns_t_mx: {
            const auto name = name_in(message, data, 2);
            return name ? std::optional{std::to_string(number_at(data, 0)) + ' ' + *name}
                        : std::nullopt;
        }
        case ns_t_srv: {
            const auto name = name_in(message, data, 6);
            return name ? std::optional{std::to_string(number_at(data, 0)) + ' ' +
                                        std::to_string(number_at(data, 2)) + ' ' +
                                        std::to_string(number_at(data, 4)) + ' ' + *name}
                        : std::nullopt;
        }
        case ns_t_txt:
            return joined_strings(data);
        default:
            return name_in(message, data, 0);
    }
}

bool is_question(ns_msg& message, const std::string& name, int type) {
    ns_rr question{};
    return ns_msg_count(message, ns_s_qd) == 1 &&
           ns_parserr(&message, ns_s_qd, 0, &question) == 0 && ns_rr_type(question) == type &&
           strcasecmp(without_dot(ns_rr_name(question)).c_str(), without_dot(name).c_str()) == 0;
}

// With the upper bits that the OPT record has (RFC 6891, 6.1.3).
unsigned response_code(ns_msg& message) {
    auto code = static_cast<unsigned>(ns_msg_getflag(message, ns_f_rcode));
    for (int i = 0; i < ns_msg_count(message, ns_s_ar); ++i) {
        ns_rr record{};
        if (ns_parserr(&message, ns_s_ar, i, &record) != 0) {
            break;
        }
        if (ns_rr_type(record) == ns_t_opt) {
            code |= static_cast<unsigned>(ns_rr_ttl(record)) >> 24U << 4U;
        }
    }
    return code;
}

}  // namespace

std::string response_code_name(unsigned code) {
    constexpr std::array names = {"NOERROR",  "FORMERR", "SERVFAIL",
                                  "NXDOMAIN", "NOTIMP",  "REFUSED"};
    constexpr unsigned bad_version = 16;
    if (code == bad_version) {
        return "BADVERS";
    }
    return code < names.size() ? names.at(code) : "response code " + std::to_string(code);
}

std::optional<int> record_type(const std::string& name) {
    const auto found =
        std::ranges::find_if(types, [&](const Type& type) { return name == type.name; });
    return found == types.end() ? std::nullopt : std::optional{found->number};
}

DnsAnswer read_dns_answer(std::span<const std::byte> packet, std::uint16_t id,
                          const std::string& name, int type) {
    DnsAnswer answer;
    ns_msg message{};
    const auto* data = reinterpret_cast<const unsigned char*>(packet.data());
    if (ns_initparse(data, static_cast<int>(packet.size()), &message) != 0 ||
        ns_msg_id(message) != id || ns_msg_getflag(message, ns_f_qr) == 0) {
        return answer;
    }
    const unsigned code = response_code(message);
    answer.ours = is_question(message, name, type);
    if (code != ns_r_noerror) {
        answer.error = response_code_name(code);
        return answer;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
        ns_rr record{};
        if (ns_parserr(&message, ns_s_an, i, &record) != 0) {
            answer.error = "malformed answer";
            return answer;
        }
        if (ns_rr_type(record) != type) {
            continue;
        }
        const auto text = text_of(message, record, type);
        if (!text) {
            answer.error = "malformed answer";
            return answer;
        }
        answer.records.push_back(*text);
    }
    return answer;
}

}  // namespace understudy::checks
