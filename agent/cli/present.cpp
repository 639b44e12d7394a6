#include "agent/cli/present.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace understudy::cli {

namespace {

using nlohmann::json;

const char* colour_of(const std::string& state) {
    if (state == "active") {
        return "\x1b[32m";
    }
    if (state == "fault") {
        return "\x1b[31m";
    }
    return state == "backup" ? "\x1b[36m" : "\x1b[33m";
}

std::string painted(const std::string& state, bool colour) {
    const std::string padded = fmt::format("{:<9}", state);
    return colour ? colour_of(state) + padded + "\x1b[0m" : padded;
}

std::string priority_of(const json& vip) {
    const int base = vip.at("priority").at("base").get<int>();
    const int effective = vip.at("priority").at("effective").get<int>();
    return base == effective ? fmt::format("{}", base) : fmt::format("{} ({})", effective, base);
}

std::string active_of(const json& vip) {
    const json& active = vip.at("active");
    return active.is_null() ? "-" : active.at("address").get<std::string>();
}

std::string addresses_of(const json& vip) {
    std::string text;
    std::size_t shown = 0;
    constexpr std::size_t most_shown = 8;
    for (const json& address : vip.at("addresses")) {
        if (++shown > most_shown) {
            return text + fmt::format("      and {} more\n", vip.at("addresses").size() - most_shown);
        }
        text += fmt::format("      {} {}\n", address.at("held").get<bool>() ? "holds " : "not held",
                            address.at("address").get<std::string>());
    }
    return text;
}

template <class Text>
std::string guarded(Text text) {
    try {
        return text();
    } catch (const json::exception&) {
        return {};
    }
}

}  // namespace

bool wants_colour() {
    const char* refused = std::getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

std::string present_status(std::string_view document, bool colour) {
    return guarded([&] {
        const json status = json::parse(document);
        std::string text = fmt::format("node {}  understudy {}  up {:.0f} s\n\n",
                                       status.at("node").get<std::string>(),
                                       status.at("version").get<std::string>(),
                                       status.at("uptime_s").get<double>());
        std::size_t width = 4;
        for (const json& vip : status.at("vips")) {
            width = std::max(width, vip.at("name").get_ref<const std::string&>().size());
        }
        text += fmt::format("{:<{}}  {:<9} {:<10} {:<16} {}\n", "VIP", width, "STATE", "PRIORITY",
                            "ACTIVE", "REASON");
        for (const json& vip : status.at("vips")) {
            text += fmt::format("{:<{}}  {} {:<10} {:<16} {}\n", vip.at("name").get<std::string>(),
                                width, painted(vip.at("state").get<std::string>(), colour),
                                priority_of(vip), active_of(vip), vip.at("reason").get<std::string>());
            text += addresses_of(vip);
        }
        return text;
    });
}

std::string present_why(std::string_view document) {
    return guarded([&] {
        const json why = json::parse(document);
        std::string text = fmt::format("{} is {}:\n", why.at("vip").get<std::string>(),
                                       why.at("state").get<std::string>());
        for (const json& reason : why.at("reasons")) {
            text += fmt::format("  {}\n", reason.get<std::string>());
        }
        return text;
    });
}

std::string present_event(std::string_view document) {
    return guarded([&] {
        const json event = json::parse(document);
        return fmt::format("{}  {}  {} -> {}  {}\n", event.at("time").get<std::string>(),
                           event.at("vip").get<std::string>(), event.at("from").get<std::string>(),
                           event.at("to").get<std::string>(), event.at("cause").get<std::string>());
    });
}

}  // namespace understudy::cli
