#include "agent/config/check_keys.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "agent/config/addresses.hpp"
#include "agent/config/check_values.hpp"
#include "agent/config/command_line.hpp"
#include "agent/config/key_makers.hpp"

namespace understudy::config {

namespace {

using Check = CheckDraft;
using Keys = std::vector<Key<Check>>;
using namespace std::chrono_literals;

constexpr std::size_t largest_answer = std::size_t{16} * 1024 * 1024;

// The question of the draft, which has this type.
template <class Question>
Question& ask(Check& check) {
    return std::get<Question>(check.settings.question);
}

// A key of one question: where its value goes is a member of that.
template <class Question, class Value, class Parse>
Key<Check> of(const char* name, Value Question::* member, const Parse& parse) {
    return parsed<Check>(name, parse,
                         [member](Check& c) -> Value& { return ask<Question>(c).*member; });
}

template <class Question>
Key<Check> count_of(const char* name, unsigned Question::* member, int least, int most) {
    return number<Check>(name, least, most,
                         [member](Check& c) -> unsigned& { return ask<Question>(c).*member; });
}

template <class Question, class Value, class Parse>
Key<Check> list_of(const char* name, std::vector<Value> Question::* member, Parse parse) {
    return {name, true, [member, parse](Check& c, const std::string& value, const Place&) {
                return store(parse(value), [&](const Value& read) {
                    (ask<Question>(c).*member).push_back(read);
                });
            }};
}

Parsed<std::string> any_text(const std::string& text) {
    return text;
}

// The kernel knows a process by the name of its executable alone. Some of its own threads have a
// slash in theirs.
Parsed<std::string> parse_program(const std::string& text) {
    if (text.starts_with('/')) {
        return std::unexpected(in_quotes(text) + " is a path; a process has the name of its " +
                               "executable, " + in_quotes(text.substr(text.rfind('/') + 1)));
    }
    return text;
}

Keys common_keys() {
    return {
        // Read before all others, to know which those are.
        word<Check>("type", check_types(), 0,
                    [](Check&) -> int& {
                        static int ignored = 0;
                        return ignored;
                    }),
        duration<Check>("interval", 10ms, 24h,
                        [](Check& c) -> Duration& { return c.settings.interval; }),
        duration<Check>("fast_interval", 10ms, 24h,
                        [](Check& c) -> auto& { return c.settings.fast_interval; }),
        duration<Check>("down_interval", 10ms, 24h,
                        [](Check& c) -> auto& { return c.settings.down_interval; }),
        duration<Check>("timeout", 1ms, 1h,
                        [](Check& c) -> Duration& { return c.settings.timeout; }),
        number<Check>("rise", 1, 100, [](Check& c) -> unsigned& { return c.settings.rise; }),
        number<Check>("fall", 1, 100, [](Check& c) -> unsigned& { return c.settings.fall; }),
        word<Check>("initial", initial_words(), 0,
                    [](Check& c) -> checks::CheckState& { return c.settings.initial; }),
        yes_no<Check>("inverted", [](Check& c) -> bool& { return c.settings.inverted; }),
    };
}

template <class Question>
void add_tls(Keys& keys) {
    const auto text = [&](const char* name, std::string checks::TlsClient::* member, auto parse) {
        keys.push_back(parsed<Check>(name, parse, [member](Check& c) -> std::string& {
            return ask<Question>(c).tls.*member;
        }));
    };
    keys.push_back(
        yes_no<Check>("verify", [](Check& c) -> bool& { return ask<Question>(c).tls.verify; }));
    text("ca", &checks::TlsClient::ca, parse_path);
    text("certificate", &checks::TlsClient::certificate, parse_path);
    text("key", &checks::TlsClient::key, parse_path);
    if (!std::is_same_v<Question, checks::Url>) {
        text("server_name", &checks::TlsClient::server_name, parse_host);
    }
}

template <class Question>
void add_credentials(Keys& keys) {
    keys.push_back(
        word<Check>("credentials", credentials_words(), 1,
                    [](Check& c) -> checks::Credentials& { return ask<Question>(c).credentials; }));
    keys.push_back(of("credentials_file", &Question::credentials_file, parse_path));
}

Keys network_keys(const std::string& type) {
    using namespace checks;
    const auto endpoint = [](const std::string& text) { return parse_endpoint(text); };
    if (type == "icmp") {
        return {of("target", &Icmp::target, parse_host), count_of("count", &Icmp::count, 1, 20),
                of("max_loss", &Icmp::max_loss,
                   [](const std::string& text) { return parse_percent(text, 99); }),
                of("source", &Icmp::source, parse_address)};
    }
    if (type == "arp") {
        return {of("target", &Arp::target, parse_address),
                of("interface", &Arp::interface, parse_interface)};
    }
    if (type == "tcp") {
        return {of("target", &Tcp::target, endpoint), of("source", &Tcp::source, parse_address),
                of("send", &Tcp::send, parse_bytes), of("expect", &Tcp::expect, parse_bytes)};
    }
    if (type == "udp") {
        return {of("target", &Udp::target, endpoint), of("source", &Udp::source, parse_address),
                of("send", &Udp::send, parse_bytes), of("expect", &Udp::expect, parse_bytes)};
    }
    if (type == "tls") {
        Keys keys = {of("target", &Tls::target, endpoint),
                     count_of("min_days", &Tls::min_days, 0, 3650)};
        add_tls<Tls>(keys);
        return keys;
    }
    return {of("server", &Dns::server,
               [](const std::string& text) { return parse_endpoint(text, 53); }),
            of("name", &Dns::name, parse_domain),
            of("record", &Dns::record,
               [](const std::string& text) -> Parsed<std::string> {
                   static const std::vector<std::string> records = {
                       "A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"};
                   const auto index = parse_word(text, records);
                   return index ? Parsed<std::string>{records.at(*index)}
                                : std::unexpected(index.error());
               }),
            of("answer", &Dns::answer, any_text)};
}

Keys http_keys() {
    using checks::Http;
    Keys keys = {
        of("url", &Http::url,
           [](const std::string& text) { return parse_url(text, {"http", "https"}); }),
        of("method", &Http::method,
           [](const std::string& text) -> Parsed<std::string> {
               const bool fits =
                   std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
               return fits ? Parsed<std::string>{text}
                           : std::unexpected(in_quotes(text) + " is not a method, such as HEAD");
           }),
        list_of("header", &Http::headers, parse_header),
        of("host", &Http::host, any_text),
        of("connect", &Http::connect,
           [](const std::string& text) -> Parsed<std::string> {
               const auto endpoint = parse_endpoint(text);
               return endpoint ? Parsed<std::string>{format_endpoint(*endpoint)}
                               : std::unexpected(endpoint.error());
           }),
        word<Check>("http_version", http_version_words(), 0,
                    [](Check& c) -> checks::HttpVersion& { return ask<Http>(c).version; }),
        count_of("redirects", &Http::redirects, 0, 20),
        of("status", &Http::status, parse_status),
        of("body", &Http::body, parse_bytes),
        of("body_regex", &Http::body_regex, parse_pattern),
        list_of("expect_header", &Http::expect_headers, parse_expected_header),
        of("max_size", &Http::max_size,
           [](const std::string& text) { return parse_size(text, largest_answer); }),
    };
    add_credentials<Http>(keys);
    add_tls<Http>(keys);
    return keys;
}

Keys url_keys(const std::string& type) {
    using checks::Url;
    Keys keys = {
        of("url", &Url::url, [type](const std::string& text) { return parse_url(text, {type}); })};
    add_credentials<Url>(keys);
    add_tls<Url>(keys);
    return keys;
}

Keys local_keys(const std::string& type) {
    using namespace checks;
    if (type == "script") {
        return {of("command", &Script::command, parse_command_line),
                of("user", &Script::user, parse_user)};
    }
    if (type == "process") {
        return {of("name", &Process::name, parse_program),
                of("pid_file", &Process::pid_file, parse_path),
                count_of("min_count", &Process::min_count, 1, 10000)};
    }
    if (type == "file") {
        return {of("path", &File::path, parse_path),
                duration<Check>("max_age", 1ms, 24h * 365,
                                [](Check& c) -> auto& { return ask<File>(c).max_age; }),
                yes_no<Check>("value_as_weight",
                              [](Check& c) -> bool& { return ask<File>(c).value_as_weight; })};
    }
    if (type == "interface") {
        return {of("interface", &Interface::name, parse_interface)};
    }
    return {of("unit", &Unit::name, parse_unit)};
}

bool is_local(const std::string& type) {
    static const std::set<std::string> types = {"script", "process", "file", "interface", "unit"};
    return types.contains(type);
}

bool is_network(const std::string& type) {
    static const std::set<std::string> types = {"icmp", "arp", "tcp", "udp", "tls", "dns"};
    return types.contains(type);
}

Keys type_keys(const std::string& type) {
    if (type == "http") {
        return http_keys();
    }
    if (is_network(type)) {
        return network_keys(type);
    }
    return is_local(type) ? local_keys(type) : url_keys(type);
}

const std::map<std::string, Keys>& all_type_keys() {
    static const std::map<std::string, Keys> all = [] {
        std::map<std::string, Keys> keys;
        for (const std::string& type : check_types()) {
            keys[type] = type_keys(type);
        }
        return keys;
    }();
    return all;
}

}  // namespace

const std::vector<std::string>& check_types() {
    static const std::vector<std::string> types = {
        "icmp", "arp",    "tcp",    "udp",     "tls",  "http",      "dns",  "smtp",  "smtps",
        "imap", "imaps",  "pop3",   "pop3s",   "ftp",  "ftps",      "ldap", "ldaps", "mqtt",
        "rtsp", "telnet", "script", "process", "file", "interface", "unit"};
    return types;
}

std::string type_of(const Section& section) {
    const auto found = std::ranges::find(section.assignments, "type", &Assignment::key);
    return found == section.assignments.end() ? "" : found->value;
}

checks::Question question_of(const std::string& type) {
    static const std::map<std::string, checks::Question> questions = {
        {"icmp", checks::Icmp{}},
        {"arp", checks::Arp{}},
        {"tcp", checks::Tcp{}},
        {"udp", checks::Udp{}},
        {"tls", checks::Tls{}},
        {"http", checks::Http{}},
        {"dns", checks::Dns{}},
        {"script", checks::Script{}},
        {"process", checks::Process{}},
        {"file", checks::File{}},
        {"interface", checks::Interface{}},
        {"unit", checks::Unit{}}};
    const auto found = questions.find(type);
    return found == questions.end() ? checks::Question{checks::Url{}} : found->second;
}

const Keys& check_keys(const std::string& type) {
    static const std::map<std::string, Keys> all = [] {
        std::map<std::string, Keys> keys = all_type_keys();
        keys[""] = {};
        for (auto& [name, list] : keys) {
            Keys whole = common_keys();
            whole.insert(whole.end(), list.begin(), list.end());
            list = std::move(whole);
        }
        return keys;
    }();
    const auto found = all.find(type);
    return found == all.end() ? all.at("") : found->second;
}

std::vector<std::string> types_with_key(const std::string& key) {
    std::vector<std::string> types;
    for (const std::string& type : check_types()) {
        const Keys& keys = all_type_keys().at(type);
        if (std::ranges::find(keys, key, &Key<Check>::name) != keys.end()) {
            types.push_back(type);
        }
    }
    return types;
}

const std::vector<std::string>& initial_words() {
    static const std::vector<std::string> words = {"unknown", "up", "down"};
    return words;
}

const std::vector<std::string>& http_version_words() {
    static const std::vector<std::string> words = {"1.1", "2", "2-prior-knowledge"};
    return words;
}

const std::vector<std::string>& credentials_words() {
    static const std::vector<std::string> words = {"basic", "bearer"};
    return words;
}

}  // namespace understudy::config
