// What one check asks, and how often: the [check NAME] section as a value. agent/config fills it in
// and refuses what is out of range; nothing changes it afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace understudy::checks {

// A host to connect to: a name, or an address without brackets. Names are resolved in the prober
// only, anew for every run.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;  // 1..65535

    bool operator==(const Endpoint&) const = default;
};

// Both ends belong to the range.
struct StatusRange {
    unsigned first = 0;
    unsigned last = 0;

    bool operator==(const StatusRange&) const = default;
};

// How the peer of a TLS connection is looked at, and what is shown to it.
struct TlsClient {
    bool verify = true;       // the chain and the name
    std::string ca;           // PEM file of the authorities that are trusted; empty: the system's
    std::string certificate;  // PEM file shown to the server; empty: none
    std::string key;          // its private key; empty: in the same file
    std::string server_name;  // SNI, and the name that is verified; empty: the host's

    bool operator==(const TlsClient&) const = default;
};

// --- L3 ------------------------------------------------------------------------------------------

// ICMP and ICMPv6 echo.
struct Icmp {
    std::string target;
    unsigned count = 1;               // requests of one run, 1..20
    unsigned max_loss = 0;            // percent of them that may stay unanswered, 0..99
    std::optional<IpAddress> source;  // of the same family as the target

    bool operator==(const Icmp&) const = default;
};

// Does this neighbour answer ARP (IPv4) or Neighbour Discovery (IPv6)?
struct Arp {
    IpAddress target;
    std::string interface;

    bool operator==(const Arp&) const = default;
};

// --- L4 ------------------------------------------------------------------------------------------

struct Tcp {
    Endpoint target;
    std::optional<IpAddress> source;
    std::string send;    // bytes; empty: nothing is sent
    std::string expect;  // bytes that must occur in what comes back; empty: connecting is enough

    bool operator==(const Tcp&) const = default;
};

// An answer is required. An ICMP "port unreachable" is a failure at once.
struct Udp {
    Endpoint target;
    std::optional<IpAddress> source;
    std::string send;
    std::string expect;  // empty: any answer

    bool operator==(const Udp&) const = default;
};

struct Tls {
    Endpoint target;
    TlsClient tls;
    unsigned min_days = 0;  // the certificate must be valid for at least so many more days

    bool operator==(const Tls&) const = default;
};

// --- L7 ------------------------------------------------------------------------------------------

enum class HttpVersion : std::uint8_t {
    http1,
    http2,            // over TLS by ALPN; failing if the server does not speak it
    prior_knowledge,  // HTTP/2 without TLS, without an upgrade
};
enum class Credentials : std::uint8_t { none, basic, bearer };

struct Http {
    std::string url;
    std::string method = "GET";
    std::vector<std::string> headers;  // "Name: value"
    std::string host;                  // the Host header; empty: from the URL
    std::string connect;               // HOST:PORT to connect to instead of the URL's
    HttpVersion version = HttpVersion::http1;
    unsigned redirects = 0;  // followed at most; 0: a 3xx is the answer
    std::vector<StatusRange> status{{200, 299}};
    std::string body;        // must occur in the body
    std::string body_regex;  // ECMAScript; must match somewhere
    std::vector<std::pair<std::string, std::string>> expect_headers;  // name, text that it contains
    Credentials credentials = Credentials::none;
    std::string credentials_file;  // "user:password", or the token
    std::size_t max_size = 65536;  // of headers and body each; more is a failure
    TlsClient tls;

    bool operator==(const Http&) const = default;
};

// A DNS query over UDP.
struct Dns {
    Endpoint server;
    std::string name;
    std::string record = "A";  // A AAAA CNAME MX NS PTR SOA SRV TXT
    std::string answer;        // one of the answers, as text; empty: any answer of that type

    bool operator==(const Dns&) const = default;
};

// What libcurl speaks besides HTTP: smtp, smtps, imap, imaps, pop3, pop3s, ftp, ftps, ldap, ldaps,
// mqtt, rtsp, telnet. Connects, greets, logs in where credentials are given, and leaves.
struct Url {
    std::string url;
    Credentials credentials = Credentials::none;  // none or basic
    std::string credentials_file;
    TlsClient tls;

    bool operator==(const Url&) const = default;
};

// --- local ---------------------------------------------------------------------------------------

// Exit status 0 is up. No shell; its whole process tree is killed when it exceeds the timeout.
struct Script {
    std::vector<std::string> command;  // the program by its absolute path, and its arguments
    std::string user;                  // whom it runs as; empty: [agent] script_user

    bool operator==(const Script&) const = default;
};

// Is a process of this name running?
struct Process {
    std::string name;      // of the executable (at most 15 characters count), or
    std::string pid_file;  // a file that holds its number
    unsigned min_count = 1;

    bool operator==(const Process&) const = default;
};

struct File {
    std::string path;
    std::optional<Duration> max_age;  // since it was written
    bool value_as_weight = false;     // its content is a number, -253..253, for `track`

    bool operator==(const File&) const = default;
};

// Is it up, with a carrier?
struct Interface {
    std::string name;

    bool operator==(const Interface&) const = default;
};

// Is this systemd unit active?
struct Unit {
    std::string name;

    bool operator==(const Unit&) const = default;
};

using Question =
    std::variant<Icmp, Arp, Tcp, Udp, Tls, Http, Dns, Url, Script, Process, File, Interface, Unit>;

// Whether the runner asks it, not the prober: the prober starts no programs and does not reach the
// service manager.
constexpr bool run_by_runner(const Question& question) {
    return std::holds_alternative<Script>(question) || std::holds_alternative<Unit>(question);
}

enum class CheckState : std::uint8_t { unknown, up, down };

struct CheckSettings {
    std::string name;
    std::string type;  // as it was written: http, smtp, icmp …
    Question question;
    Duration interval = std::chrono::seconds{1};  // between two starts, 10 ms..1 day
    std::optional<Duration> fast_interval;        // while a change is being confirmed
    std::optional<Duration> down_interval;        // while it is down
    Duration timeout = std::chrono::seconds{1};   // of one run, 1 ms..1 h
    unsigned rise = 2;                            // successes in a row that make it up, 1..100
    unsigned fall = 3;                            // failures in a row that make it down, 1..100
    CheckState initial = CheckState::unknown;     // until the first outcome
    bool inverted = false;                        // a failure counts as success, and the reverse

    bool operator==(const CheckSettings&) const = default;
};

// Limits on what one agent accepts.
inline constexpr std::size_t most_checks = 4096;

}  // namespace understudy::checks
