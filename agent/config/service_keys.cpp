#include "agent/config/service_keys.hpp"

#include "agent/config/command_line.hpp"
#include "agent/config/key_makers.hpp"

namespace understudy::config {

namespace {

using Service = ServiceDraft;

constexpr Duration shortest = std::chrono::milliseconds{100};
constexpr Duration longest = std::chrono::hours{1};

std::vector<Key<Service>> make_keys() {
    return {
        word<Service>("standby", standby_words(), 0,
                      [](Service& s) -> core::Standby& { return s.settings.standby; }),
        parsed<Service>("unit", parse_unit,
                        [](Service& s) -> std::string& { return s.settings.unit; }),
        parsed<Service>("start", parse_command_line,
                        [](Service& s) -> auto& { return s.settings.start; }),
        parsed<Service>("stop", parse_command_line,
                        [](Service& s) -> auto& { return s.settings.stop; }),
        duration<Service>("start_timeout", shortest, longest,
                          [](Service& s) -> Duration& { return s.settings.start_timeout; }),
        duration<Service>("stop_timeout", shortest, longest,
                          [](Service& s) -> Duration& { return s.settings.stop_timeout; }),
        yes_no<Service>("stop_on_release",
                        [](Service& s) -> bool& { return s.settings.stop_on_release; }),
        {"check", true,
         [](Service& service, const std::string& value, const Place& place) {
             return store(parse_name(value), [&](const std::string& name) {
                 service.settings.checks.push_back(name);
                 service.check_places.push_back(place);
             });
         }},
    };
}

}  // namespace

const std::vector<Key<ServiceDraft>>& service_keys() {
    static const std::vector<Key<ServiceDraft>> keys = make_keys();
    return keys;
}

const std::vector<std::string>& standby_words() {
    static const std::vector<std::string> words = {"auto", "hot", "cold"};
    return words;
}

}  // namespace understudy::config
