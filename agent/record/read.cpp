// Lines as headers and events. A file may come from anywhere.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "agent/config/parse.hpp"
#include "agent/control/json.hpp"
#include "agent/record/record.hpp"
#include "agent/record/state.hpp"

namespace understudy::record {

namespace {

using Json = nlohmann::json;

// A state is this deep at most.
constexpr int deepest_line = 12;

// What a reader below throws; nothing of it leaves parse_line().
struct Misfit : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[noreturn]] void misfit(const std::string& key, const char* what) {
    throw Misfit('"' + key + "\" is not " + what);
}

const Json& field(const Json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end()) {
        throw Misfit('"' + std::string{key} + "\" is missing");
    }
    return *found;
}

std::int64_t integer(const Json& line, const char* key, std::int64_t least, std::int64_t most) {
    const Json& value = field(line, key);
    const bool fits =
        value.is_number_integer() &&
        (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX}) &&
        value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
    if (!fits) {
        misfit(key, "a whole number in its range");
    }
    return value.get<std::int64_t>();
}

template <class Number>
Number number(const Json& line, const char* key) {
    constexpr auto most = std::numeric_limits<Number>::max();
    constexpr auto limit =
        std::cmp_less(most, INT64_MAX) ? static_cast<std::int64_t>(most) : INT64_MAX;
    return static_cast<Number>(
        integer(line, key, static_cast<std::int64_t>(std::numeric_limits<Number>::min()), limit));
}

std::string text(const Json& line, const char* key) {
    const Json& value = field(line, key);
    if (!value.is_string()) {
        misfit(key, "a text");
    }
    return value.get<std::string>();
}

bool flag(const Json& line, const char* key) {
    const Json& value = field(line, key);
    if (!value.is_boolean()) {
        misfit(key, "true or false");
    }
    return value.get<bool>();
}

std::optional<Duration> duration(const Json& line, const char* key) {
    return line.contains(key)
               ? std::optional{Duration{integer(line, key, -longest_time, longest_time)}}
               : std::nullopt;
}

IpAddress address(const Json& line, const char* key) {
    const auto parsed = IpAddress::parse(text(line, key));
    if (!parsed) {
        misfit(key, "an address");
    }
    return *parsed;
}

IpPrefix prefix(const Json& line) {
    const auto parsed = IpPrefix::parse(text(line, "prefix"));
    if (!parsed) {
        misfit("prefix", "an address with its length");
    }
    return *parsed;
}

int interface(const Json& line) {
    return number<int>(line, "interface");
}

Family family(const Json& line) {
    const std::string name = text(line, "family");
    if (name != "ipv4" && name != "ipv6") {
        misfit("family", "ipv4 or ipv6");
    }
    return name == "ipv4" ? Family::ipv4 : Family::ipv6;
}

// Exactly two digits, or nothing.
std::optional<std::uint8_t> octet(std::string_view digits) {
    std::uint8_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, value, 16);
    return error == std::errc{} && rest == end && digits.size() == 2 ? std::optional{value}
                                                                     : std::nullopt;
}

MacAddress mac(const Json& line) {
    const std::string written = text(line, "mac");
    MacAddress mac;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const auto byte =
            octet(std::string_view{written}.substr(std::min(3 * i, written.size()), 2));
        if (byte) {
            mac.bytes[i] = *byte;
        }
    }
    if (mac.to_string() != written) {
        misfit("mac", "a hardware address");
    }
    return mac;
}

std::vector<std::byte> payload(const Json& line) {
    const std::string written = text(line, "payload");
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < written.size(); i += 2) {
        const auto byte = octet(std::string_view{written}.substr(i, 2));
        if (!byte || bytes.size() == longest_payload) {
            misfit("payload", "bytes in hexadecimal");
        }
        bytes.push_back(std::byte{*byte});
    }
    return bytes;
}

core::Listener listener(const Json& line) {
    return {family(line), interface(line), flag(line, "multicast")};
}

core::Event link(const Json& line, Entry&) {
    return core::LinkSeen{interface(line), text(line, "name"), flag(line, "up"), mac(line)};
}

core::Event address_seen(const Json& line, Entry&) {
    const auto is_set = [&](const char* name) { return line.contains(name) && flag(line, name); };
    return core::AddressSeen{interface(line),          prefix(line),
                             flag(line, "ours"),       flag(line, "tentative"),
                             duration(line, "age_us"), duration(line, "remaining_us"),
                             is_set("duplicate"),      is_set("deprecated"),
                             is_set("secondary")};
}

core::Event datagram(const Json& line, Entry& entry) {
    core::DatagramReceived event;
    event.interface = interface(line);
    event.datagram.source = address(line, "source");
    event.datagram.destination = address(line, "destination");
    event.datagram.ttl = number<std::uint8_t>(line, "ttl");
    entry.payload = payload(line);
    event.datagram.payload = entry.payload;
    return event;
}

core::Event send_failed(const Json& line, Entry&) {
    return core::SendFailed{interface(line), family(line), number<std::uint8_t>(line, "vrid"),
                            text(line, "error")};
}

core::Event address_refused(const Json& line, Entry&) {
    return core::AddressRefused{interface(line), prefix(line), flag(line, "exists"),
                                text(line, "error")};
}

core::Event check(const Json& line, Entry&) {
    core::CheckFinished event;
    event.check = number<std::size_t>(line, "check");
    event.run = number<std::uint32_t>(line, "run");
    event.outcome.passed = flag(line, "passed");
    event.outcome.detail = text(line, "detail");
    if (line.contains("weight")) {
        event.outcome.weight = static_cast<int>(integer(line, "weight", -1000, 1000));
    }
    return event;
}

core::Event service(const Json& line, Entry&) {
    return core::ServiceCommandFinished{number<std::size_t>(line, "service"),
                                        number<std::uint32_t>(line, "order"), flag(line, "done"),
                                        text(line, "detail")};
}

core::Event hook(const Json& line, Entry&) {
    return core::HookFinished{number<std::uint32_t>(line, "order"), flag(line, "done"),
                              text(line, "detail")};
}

core::Event command(const Json& line, Entry&) {
    const Json& written = field(line, "request");
    auto request =
        control::parse_request(written.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (!request) {
        throw Misfit(request.error());
    }
    return core::CommandReceived{number<core::ClientId>(line, "client"), std::move(*request)};
}

std::vector<std::string> names(const Json& line, const char* key) {
    const Json& list = field(line, key);
    const auto is_text = [](const Json& name) { return name.is_string(); };
    if (!list.is_array() || !std::ranges::all_of(list, is_text)) {
        misfit(key, "a list of names");
    }
    return list.get<std::vector<std::string>>();
}

core::Configuration configuration(const Json& line) {
    config::Result read = config::parse_text("config", text(line, "config"), "");
    if (!read.configuration) {
        throw Misfit("its configuration is not valid: " +
                     config::to_string(read.diagnostics.front()));
    }
    return std::move(*read.configuration);
}

core::Event reload(const Json& line, Entry&) {
    return core::ConfigurationChanged{
        std::make_shared<const core::Configuration>(configuration(line)),
        names(line, "other_questions"), names(line, "other_commands")};
}

struct EventKind {
    std::string_view name;
    core::Event (*read)(const Json& line, Entry& entry);
};

constexpr std::array<EventKind, std::variant_size_v<core::Event>> kinds = {{
    {"time", [](const Json&, Entry&) { return core::Event{core::TimePassed{}}; }},
    {"stop", [](const Json&, Entry&) { return core::Event{core::StopRequested{}}; }},
    {"link", link},
    {"link_gone",
     [](const Json& line, Entry&) { return core::Event{core::LinkGone{interface(line)}}; }},
    {"address", address_seen},
    {"address_gone",
     [](const Json& line, Entry&) {
         return core::Event{core::AddressGone{interface(line), prefix(line)}};
     }},
    {"observation_started",
     [](const Json&, Entry&) { return core::Event{core::ObservationStarted{}}; }},
    {"observation_complete",
     [](const Json&, Entry&) { return core::Event{core::ObservationComplete{}}; }},
    {"listener_opened",
     [](const Json& line, Entry&) { return core::Event{core::ListenerOpened{listener(line)}}; }},
    {"listener_failed",
     [](const Json& line, Entry&) {
         return core::Event{core::ListenerFailed{listener(line), text(line, "error")}};
     }},
    {"datagram", datagram},
    {"send_failed", send_failed},
    {"address_refused", address_refused},
    {"check", check},
    {"prober_started", [](const Json&, Entry&) { return core::Event{core::ProberStarted{}}; }},
    {"service", service},
    {"hook", hook},
    {"command", command},
    {"client_gone",
     [](const Json& line, Entry&) {
         return core::Event{core::ClientGone{number<core::ClientId>(line, "client")}};
     }},
    {"reload", reload},
}};

Decisions read_decisions(const Json& line) {
    Decisions decisions;
    if (!line.contains("actions")) {
        return decisions;
    }
    decisions.actions = number<std::uint64_t>(line, "actions");
    const std::string digits = text(line, "digest");
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, decisions.digest, 16);
    if (error != std::errc{} || rest != end || digits.size() != 16) {
        misfit("digest", "16 hexadecimal digits");
    }
    return decisions;
}

TimePoint time_of(const Json& line, const char* key) {
    return TimePoint{Duration{integer(line, key, 0, longest_time)}};
}

std::uint64_t event_number(const Json& line, const char* key) {
    return static_cast<std::uint64_t>(integer(line, key, 1, INT64_MAX - 1));
}

Line read_header(const Json& line) {
    if (integer(line, "understudy_journal", 1, INT64_MAX) > format_version) {
        throw Misfit("it was written by a newer version");
    }
    const auto started = control::parse_utc(text(line, "started"));
    if (!started) {
        misfit("started", "a time");
    }
    return Header{text(line, "version"), text(line, "node"), time_of(line, "start_us"), *started,
                  text(line, "config")};
}

Line read_state(const Json& line) {
    State state;
    state.before = event_number(line, "state_before");
    state.at = time_of(line, "us");
    state.form = number<int>(line, "form");
    if (state.form == state_form) {
        auto node = node_of(configuration(line), field(line, "state"));
        if (!node) {
            throw Misfit(node.error());
        }
        state.node = std::move(*node);
    }
    return state;
}

Line read_entry(const Json& line) {
    Entry entry;
    entry.number = event_number(line, "n");
    entry.at = time_of(line, "us");
    const std::string name = text(line, "event");
    for (const EventKind& kind : kinds) {
        if (kind.name == name) {
            entry.event = kind.read(line, entry);
            entry.decisions = read_decisions(line);
            return entry;
        }
    }
    throw Misfit("there is no event of this kind");
}

}  // namespace

std::expected<Line, std::string> parse_line(std::string_view line) {
    if (line.size() > longest_line) {
        return std::unexpected("the line is too long");
    }
    // The library takes a zero byte for the end, and what follows it would go unseen.
    if (line.contains('\0')) {
        return std::unexpected("it is not valid JSON");
    }
    try {
        bool deep = false;
        const auto watch_depth = [&](int depth, Json::parse_event_t, Json&) {
            deep = deep || depth > deepest_line;
            return !deep;
        };
        const Json document = Json::parse(line, watch_depth);
        if (deep || !document.is_object()) {
            return std::unexpected("it is no line of a journal");
        }
        return document.contains("understudy_journal") ? read_header(document)
               : document.contains("state_before")     ? read_state(document)
                                                       : read_entry(document);
    } catch (const Json::exception&) {
        return std::unexpected("it is not valid JSON");
    } catch (const Misfit& misfit) {
        return std::unexpected(std::string{misfit.what()});
    }
}

}  // namespace understudy::record
